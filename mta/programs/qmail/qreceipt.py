"""qreceipt: tell the sender that the message has arrived, if he asked for it.

Usage    qreceipt ADDRESS, as a command in a dot-qmail file
Reads    the header of the message on fd 0; SENDER as qmail-local sets it (qmail-command(8))
Writes   if a Notice-Requested-Upon-Delivery-To field holds exactly ADDRESS, and there is a sender to tell: a notice to the queue, from
         the empty sender; the Message-ID of the message stands in it
Exits    0 told, or nothing to tell; 100 usage, not run by qmail-local, the field cannot be parsed, or the queue will never take the notice;
         111 try again
Limits   the header is held in memory, one field at a time; the body is not read
Runs as  the user whose mail it is
Source   qreceipt(1), qreceipt.c
"""

from __future__ import annotations

import os

from mta.errors import MailError, Permanent, Temporary
from mta.formats import header822, token822
from mta.formats.address import DOUBLE_BOUNCE_SENDER, NULL_SENDER, quote
from mta.unix import queue_call
from mta.unix.fds import Fds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from mta.formats.token822 import Token

_PIECE = 1 << 16
_ASKED = b"notice-requested-upon-delivery-to"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if not argv or b"SENDER" not in env:
        return _fail(fds, b"usage: qreceipt deliveryaddress\n", Permanent.exit)
    try:
        is_asked, message_id = _look(_fields(fds[0]), argv[0])
        if is_asked and env[b"SENDER"] not in (NULL_SENDER, DOUBLE_BOUNCE_SENDER):
            _tell(env, argv[0], message_id)
    except _NotParsed as error:
        return _fail(fds, b"fatal: unable to parse this: " + error.field, Permanent.exit)
    except OSError:
        return _fail(fds, b"fatal: read error\n", Temporary.exit)
    except MailError as error:
        return _fail(fds, b"fatal: %b\n" % error.text.encode(), error.exit)
    return 0


def _fail(fds: Fds, words: bytes, exit_: int) -> int:
    fds.say(b"qreceipt: " + words)
    return exit_


class _NotParsed(Exception):
    def __init__(self, field: bytes) -> None:
        super().__init__()
        self.field = field


def _fields(fd: int) -> Iterator[bytes]:
    """Those of the header. Raises OSError."""
    splitter = header822.Splitter()
    while not splitter.is_body:
        piece = os.read(fd, _PIECE)
        fields, _ = splitter.feed(piece) if piece else splitter.close()
        yield from fields
        if not piece:
            return


def _look(fields: Iterator[bytes], address: bytes) -> tuple[bool, bytes]:
    """-> (is a notice wanted for address?, the Message-ID field). Raises _NotParsed, OSError."""
    found: list[bytes] = []
    message_id = b""
    for field in fields:
        name = header822.name(field)
        if name == b"message-id":
            message_id = field
        elif name == _ASKED:
            found += _addresses(field)
    return address in found, message_id


def _addresses(field: bytes) -> list[bytes]:
    found = []

    def each(tokens: list[Token]) -> list[Token]:
        found.append(token822.plain(tokens))
        return tokens

    try:
        token822.rewrite(token822.parse(field), each)
    except ValueError:
        raise _NotParsed(field) from None
    return found


def _tell(env: dict[bytes, bytes], address: bytes, message_id: bytes) -> None:
    """Raises Permanent, Temporary."""
    sender = env[b"SENDER"]
    try:
        call = queue_call.open_(env[b"QMAIL_HOME"], env)
    except Temporary as error:
        raise Temporary("unable to fork") from error
    call.write(_notice(quote(sender), address, message_id))
    failure = call.commit(NULL_SENDER, [sender])
    if failure is not None:
        kind = "permanent" if isinstance(failure, Permanent) else "temporary"
        raise type(failure)(f"{kind} qmail-queue error")


def _notice(to: bytes, address: bytes, message_id: bytes) -> bytes:
    head = b"From: DELIVERY NOTICE SYSTEM <%b>\nTo: <%b>\nSubject: success notice\n\n" % (to, to)
    told = b"Your message was delivered to the\nfollowing address: %b. Thanks for asking.\n" % address
    return head + b"Hi! This is the qreceipt program. " + told + (b"Your " + message_id if message_id else b"")
