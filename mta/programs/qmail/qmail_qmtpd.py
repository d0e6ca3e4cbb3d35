"""qmail-qmtpd: receive mail by QMTP on descriptors 0 and 1, as tcpserver starts it.

Reads    fd 0 the client (formats/qmtp); control/ rcpthosts morercpthosts.cdb databytes; environment TCPREMOTEIP TCPREMOTEHOST
         TCPREMOTEINFO TCPLOCALIP TCPLOCALHOST RELAYCLIENT DATABYTES QMAILQUEUE
Writes   fd 1 an answer for each recipient; each message to qmail-queue
Exits    0 when the client is gone; 100 what it said is no QMTP; 111 control files cannot be read, there is no control/rcpthosts and no
         RELAYCLIENT, a length over 200 000 000, or an hour is over
Limits   999 octets an address, RELAYCLIENT counted; 2 MiB of recipients; nothing is counted that could show a loop
Runs as  qmaild
Source   qmail-qmtpd(8), qmail-qmtpd.c
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the C module: signal would load enum
import os

from mta.decisions.smtp_rcpt import smtp_rcpt
from mta.errors import Permanent, Temporary
from mta.formats import cdb, control, netstring, qmtp, received
from mta.formats.address import FORBIDDEN
from mta.formats.netstring_input import Ended, Input, TooLong
from mta.unix import clock, queue_call
from mta.unix.controls import ControlDir, Unreadable
from mta.unix.fds import Fds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from mta.unix.queue_call import QueueCall

OK, BAD_PROTOCOL, RESOURCES = 0, 100, 111
LIFE_S = 3600

_BAD_SENDER = b"Dunacceptable sender (#5.1.7)"
_BAD_RECIPIENT = b"Dsorry, I can't handle that recipient (#5.1.3)"
_TOO_BIG = b"Dsorry, that message size exceeds my databytes limit (#5.3.4)"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    session = _Session(_Site(env), fds)
    try:
        while True:
            session.message()
    except Ended:
        return OK
    except TooLong:
        return RESOURCES
    except ValueError:
        return BAD_PROTOCOL
    finally:
        session.flush()


class _Site:
    """What control files and environment say. Raises Temporary."""

    __slots__ = ("databytes", "env", "home", "listed", "more", "relayclient")

    def __init__(self, env: dict[bytes, bytes]) -> None:
        self.env = env
        self.home = env[b"QMAIL_HOME"]
        self.relayclient = env.get(b"RELAYCLIENT")
        try:
            self._read(ControlDir(self.home))
        except Unreadable as error:
            raise Temporary(str(error)) from error
        if self.listed is None and self.relayclient is None:  # the original relays for everybody then
            raise Temporary("control/rcpthosts is missing")
        if b"DATABYTES" in env:
            self.databytes = control.integer(env[b"DATABYTES"]) or 0

    def _read(self, folder: ControlDir) -> None:
        self.listed = folder.set_("rcpthosts")
        self.databytes = folder.integer("databytes", 0)
        self.more: Callable[[bytes], bytes | None] | None = None
        fd = folder.open_file("morercpthosts.cdb")
        if fd is not None:
            self.more = cdb.Reader(lambda length, offset: os.pread(fd, length, offset)).get

    def recipient(self, address: bytes) -> bytes:
        """The address to queue. Raises Permanent, Temporary."""
        try:
            return smtp_rcpt(address, relayclient=self.relayclient, listed=self.listed, more=self.more)
        except (ValueError, OSError) as error:
            raise Temporary("unable to read control/morercpthosts.cdb") from error

    def size_max(self) -> int:
        return qmtp.ADDRESS_MAX - len(self.relayclient or b"")


class _Session:
    def __init__(self, site: _Site, fds: Fds) -> None:
        self._site = site
        self._fds = fds
        self._out = b""
        self._input = Input(self._read)

    def _read(self, count: int) -> bytes:
        """Answers go out before we wait for more. Nobody there: the end."""
        if not self.flush():
            return b""
        try:
            return os.read(self._fds[0], count)
        except OSError:
            return b""

    def flush(self) -> bool:
        """False: nobody is there any more."""
        try:
            self._fds.write(1, self._out)
        except OSError:
            return False
        finally:
            self._out = b""
        return True

    def message(self) -> None:
        """Raises ValueError (see main), Temporary."""
        length = self._input.length()
        if not length:
            raise ValueError("a message without its first octet")
        call = queue_call.open_(self._site.home, self._site.env)
        try:
            answers = self._take(call, length)
        except BaseException:
            call.abandon()
            raise
        self._out += b"".join(map(netstring.write, answers))

    def _take(self, call: QueueCall, length: int) -> list[bytes]:
        """-> an answer for each recipient."""
        is_too_big = self._body(call, length)
        sender = self._address(qmtp.ADDRESS_MAX)
        recipients = self._recipients()
        good = [address for address, refusal in recipients if not refusal]
        failure = b""
        if is_too_big:
            failure = _TOO_BIG
        elif sender is None or _is_bad(sender):
            failure = _BAD_SENDER
        if failure or not good:
            call.abandon()
            return [refusal or failure for _, refusal in recipients]
        assert sender is not None
        outcome = _outcome(call, sender, good)
        return [refusal or outcome for _, refusal in recipients]

    def _body(self, call: QueueCall, length: int) -> bool:
        """-> is it too big?"""
        kind = self._input.take(1)
        if kind not in (qmtp.LF, qmtp.CR):
            raise ValueError("lines end neither in LF nor in CR LF")
        call.write(received.of_environment(self._site.env, b"QMTP", clock.now_s()))
        lines, limit, stored = qmtp.Lines(kind), self._site.databytes, 0
        is_too_big = bool(limit) and kind == qmtp.LF and length - 1 > limit
        for piece in self._input.pieces(length - 1):
            text = lines.feed(piece)
            stored += len(text)
            is_too_big = is_too_big or (bool(limit) and stored > limit)
            if not is_too_big:
                call.write(text)
        last = lines.end()
        self._input.comma()
        call.write(last)
        return is_too_big or (bool(limit) and stored + len(last) > limit)

    def _address(self, size_max: int) -> bytes | None:
        """One netstring; None: it is too long."""
        length = self._input.length()
        if length > size_max:
            self._input.skip(length)
            address = None
        else:
            address = self._input.take(length)
        self._input.comma()
        return address

    def _recipients(self) -> list[tuple[bytes, bytes]]:
        """-> (address to queue, refusal) of each: one of both is empty."""
        total = self._input.length()
        if total > qmtp.RECIPIENTS_MAX:
            raise TooLong("more recipients than we hold in memory")
        found = []
        self._input.left = total
        while self._input.left:
            found.append(self._recipient(self._address(self._site.size_max())))
        self._input.left = None
        self._input.comma()
        return found

    def _recipient(self, address: bytes | None) -> tuple[bytes, bytes]:
        if address is None:
            return b"", _BAD_RECIPIENT
        try:
            allowed = self._site.recipient(address)
        except Permanent as refusal:
            return b"", refusal.letter + refusal.text.encode()
        return (b"", _BAD_RECIPIENT) if _is_bad(address) else (allowed, b"")


def _is_bad(address: bytes) -> bool:
    return any(byte in address for byte in FORBIDDEN)


def _outcome(call: QueueCall, sender: bytes, recipients: list[bytes]) -> bytes:
    failure = call.commit(sender, recipients)
    if failure is None:
        return b"Kok %d qp %d" % (clock.now_s(), call.qp)
    return failure.letter + failure.text.encode("latin-1", "replace")


def guard() -> None:
    """A process of our own ends after an hour, whatever it does."""
    _signal.signal(_signal.SIGALRM, lambda _number, _frame: os._exit(RESOURCES))
    _signal.alarm(LIFE_S)
