"""qmail-inject: complete the header of a message and queue it.

Usage    qmail-inject [-nNaAhH] [-fSENDER] [RECIPIENT ...]
         -a recipients are the operands only; -h those of the header only; -H both; -A (default) operands if there are any, else header
         -f envelope sender; -n print the message, with its sender in Return-Path, in place of queueing it; -N queue it
Reads    fd 0 the message; control/defaultdomain, defaulthost, plusdomain, idhost, else me; QMAILDEFAULTDOMAIN, QMAILDEFAULTHOST,
         QMAILPLUSDOMAIN, QMAILIDHOST before those; who sends: QMAILUSER MAILUSER USER LOGNAME at QMAILHOST MAILHOST, by the name of
         QMAILNAME MAILNAME NAME, the first of each that is set, but in the envelope QMAILSUSER at QMAILSHOST; letters of QMAILINJECT: c
         name as a comment, s f i without Return-Path, From, Message-ID of the message, r m a sender of its own for each recipient, for
         each message; the file named by QMAILMFTFILE: lists to be answered
Writes   the message to the queue (mta/unix/queue_call), or with -n to fd 1; complaints to fd 2
Exits    0 queued; 100 an option, address or field we cannot read, or the queue will never take the message; 111 try again
Limits   the header is held in memory, the body never: it passes in pieces of 64 KiB
Runs as  the user who sends
Source   qmail-inject(8), qmail-inject.c
"""

from __future__ import annotations

import os

from mta.decisions import inject
from mta.errors import MailError, Permanent, Temporary
from mta.formats import control
from mta.formats.address import quote
from mta.formats.header822 import Splitter
from mta.formats.sgetopt import BadOption, Options
from mta.unix import clock, queue_call
from mta.unix.controls import ControlDir, Unreadable
from mta.unix.fds import Fds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_PIECE = 1 << 16
_OPERANDS, _DEFAULT, _HEADER, _BOTH = b"aAhH"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    try:
        _inject(argv, env, fds)
    except BadOption as error:
        fds.say(b"qmail-inject: %b\n" % error.text)
        return Permanent.exit
    except inject.NotParsed as error:
        return _fail(fds, error.text, Permanent.exit)
    except MailError as error:
        return _fail(fds, error.text.encode("latin-1", "replace"), error.exit)
    return 0


def _fail(fds: Fds, text: bytes, exit_: int) -> int:
    fds.say(b"qmail-inject: fatal: " + (text if text.endswith(b"\n") else text + b"\n"))
    return exit_


def _inject(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> None:
    lists = _lists(env)
    site = _site(env)
    options = _Options(argv, site)
    recipients = [] if options.strategy == _HEADER else [inject.recipient(site, word) for word in options.operands]
    header = inject.Header(site, inject.Person(env), options.sender)

    def begin() -> tuple[_Paper | queue_call.QueueCall, bytes]:
        """The header is known: where the message goes, and the first bytes that go there."""
        head = header.finish(clock.now_s(), os.getpid(), lists)
        assert header.sender is not None
        if options.is_printed:
            return _Paper(fds), b"Return-Path: <%b>\n%b" % (quote(header.sender), head)
        return _open_queue(env), head

    sink = _carry(fds, header, begin)
    assert header.sender is not None
    failure = sink.commit(header.sender, recipients if options.strategy == _OPERANDS else recipients + header.recipients())
    if failure is not None:
        raise failure


def _lists(env: dict[bytes, bytes]) -> frozenset[bytes] | None:
    """The addresses in QMAILMFTFILE, a name that counts from where our caller stands."""
    path = env.get(b"QMAILMFTFILE")
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            return control.set_(control.lines(file.read()))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Temporary("read error") from error


def _site(env: dict[bytes, bytes]) -> inject.Site:
    home = env[b"QMAIL_HOME"]
    if not os.path.isdir(home):
        raise Temporary("internal bug")
    try:
        controls = ControlDir(home)
        found = {name: controls.line_or_me(name, name.encode()) for name in ("defaultdomain", "defaulthost", "plusdomain", "idhost")}
        controls.close()
    except Unreadable as error:
        raise Temporary("read error") from error
    return inject.Site(
        default_domain=env.get(b"QMAILDEFAULTDOMAIN", found["defaultdomain"]),
        default_host=env.get(b"QMAILDEFAULTHOST", found["defaulthost"]),
        plus_domain=env.get(b"QMAILPLUSDOMAIN", found["plusdomain"]),
        id_host=env.get(b"QMAILIDHOST", found["idhost"]),
    )


class _Options:
    """What the command line asks for. Raises BadOption, NotParsed."""

    __slots__ = ("is_printed", "operands", "sender", "strategy")

    def __init__(self, argv: list[bytes], site: inject.Site) -> None:
        self.sender: bytes | None = None
        self.is_printed = False
        self.strategy = _DEFAULT
        options = Options(argv, "aAhHnNf:")
        for letter, value in options:
            if letter == b"f":
                self.sender = inject.sender(site, value)
            elif letter in (b"n", b"N"):
                self.is_printed = letter == b"n"
            else:
                self.strategy = letter[0]
        self.operands = options.operands
        if self.strategy == _DEFAULT:
            self.strategy = _OPERANDS if self.operands else _HEADER


class _Paper:
    """Descriptor 1 in place of the queue (-n)."""

    __slots__ = ("_fds",)

    def __init__(self, fds: Fds) -> None:
        self._fds = fds

    def write(self, data: bytes) -> None:
        try:
            self._fds.write(1, data)
        except BrokenPipeError:  # whoever reads has seen enough
            pass
        except OSError as error:
            raise Temporary("write error") from error

    def commit(self, _sender: bytes, _recipients: list[bytes]) -> None:
        return None

    def abandon(self) -> None:
        pass


def _open_queue(env: dict[bytes, bytes]) -> queue_call.QueueCall:
    try:
        return queue_call.open_(env[b"QMAIL_HOME"], env)
    except Temporary as error:
        raise Temporary("unable to run qmail-queue") from error


def _carry(
    fds: Fds, header: inject.Header, begin: Callable[[], tuple[_Paper | queue_call.QueueCall, bytes]]
) -> _Paper | queue_call.QueueCall:
    """The message from descriptor 0 to the sink that begin() opens once the header is known. -> the sink, not yet committed."""
    splitter = Splitter()
    sink = None
    while True:
        try:
            piece = os.read(fds[0], _PIECE)
        except OSError as error:
            if sink is not None:
                sink.abandon()
            raise Temporary("read error") from error
        fields, body = splitter.feed(piece) if piece else splitter.close()
        for line in fields:
            header.field(line)
        if sink is None and (splitter.is_body or not piece):
            sink, head = begin()
            body = head + body
        if sink is not None and body:
            sink.write(body)
        if sink is not None and not piece:
            return sink
