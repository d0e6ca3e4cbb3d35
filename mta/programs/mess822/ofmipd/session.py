"""The ofmipd session: one function a verb, (session, argument) -> (session, reply, effect). No socket, no clock, no queue.

Source   ofmipd(8), RFC 5321
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from mta.errors import MailError, Permanent
from mta.formats import rewriting, smtp_path
from mta.programs.mess822.ofmipd.lines import Lines
from mta.unix.rewriting_controls import Rewriting

ADDRESS_MAX = 899
GREETING = b"220 ofmipd.local ESMTP\r\n"
NO_CONFIGURATION = b"451 unable to read configuration (#4.3.0)\r\n"
NO_QUEUE = b"451 qqt failure (#4.3.0)\r\n"
GO_AHEAD = b"354 go ahead\r\n"
_OK = b"250 ok\r\n"
_HELO = b"250 ofmipd.local\r\n"
_EHLO = b"250-ofmipd.local\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
_FLUSHED = b"250 flushed\r\n"
_BYE = b"221 ofmipd.local\r\n"
_HELP = b"214 qmail home page: http://pobox.com/~djb/qmail.html\r\n"
_VERIFY = b"252 send some mail, i'll try my best\r\n"
_UNIMPLEMENTED = b"502 unimplemented (#5.5.1)\r\n"
_TOO_LONG = b"500 line too long (#5.5.2)\r\n"
_SYNTAX = b"555 syntax error (#5.5.4)\r\n"
_MAIL_FIRST = b"503 MAIL first (#5.5.1)\r\n"
_RCPT_FIRST = b"503 RCPT first (#5.5.1)\r\n"
_NO_CDB = b"451 unable to read cdb (#4.3.0)\r\n"
_UNSAFE = bytes(c if 33 <= c <= 126 and c not in b"()@\\" else ord("?") for c in range(256))


@dataclass(frozen=True, slots=True)
class ReadData:
    """The client is about to send a message. name: of the sender, from NAME.cdb; None: he is not in it. number: of the message."""

    sender: bytes
    recipients: tuple[bytes, ...]
    name: bytes | None
    number: int


@dataclass(frozen=True, slots=True)
class Close:
    pass


@dataclass(frozen=True, slots=True)
class Session:
    """names: of NAME.cdb, None without one; it raises OSError, ValueError."""

    site: Rewriting
    names: Callable[[bytes], bytes | None] | None = None
    sender: bytes | None = None
    name: bytes | None = None
    recipients: tuple[bytes, ...] = ()
    messages: int = 0


Step = tuple[Session, bytes, ReadData | Close | None]


def received(env: Mapping[bytes, bytes]) -> bytes:
    """The beginning of a Received line, up to its date."""
    info = env.get(b"TCPREMOTEINFO")
    who = b"" if info is None else info.translate(_UNSAFE) + b"@"
    return b"Received: (ofmipd %b%b); " % (who, env.get(b"TCPREMOTEIP", b"unknown").translate(_UNSAFE))


def stored(failure: MailError | None, now_s: int, qp: int) -> bytes:
    """The reply to a message."""
    if failure is None:
        return b"250 ok %d qp %d\r\n" % (now_s, qp)
    return b"%b %b\r\n" % (b"554" if isinstance(failure, Permanent) else b"451", failure.text.encode("latin-1", "replace"))


def command(session: Session, line: bytes) -> Step:
    if line == Lines.TOO_LONG:
        return session, _TOO_LONG, None
    verb, _, argument = line.partition(b" ")
    act = _VERBS.get(verb.lower())
    return act(session, argument.lstrip(b" ")) if act is not None else (session, _UNIMPLEMENTED, None)


def _mail(session: Session, argument: bytes) -> Step:
    sender = _address(session, argument)
    if sender is None:
        return session, _SYNTAX, None
    name = None
    if session.names is not None:
        try:
            found = session.names(sender)
            if found is not None:
                name, sender = _other_name(found)
        except (OSError, ValueError):
            return session, _NO_CDB, None
    return replace(session, sender=sender, name=name, recipients=()), _OK, None


def _other_name(data: bytes) -> tuple[bytes, bytes]:
    """-> (name, address). Raises ValueError."""
    name, nul, address = data.partition(b"\0")
    if not nul:
        raise ValueError("no address in NAME.cdb")
    return name, address


def _rcpt(session: Session, argument: bytes) -> Step:
    if session.sender is None:
        return session, _MAIL_FIRST, None
    address = _address(session, argument)
    if address is None:
        return session, _SYNTAX, None
    return replace(session, recipients=(*session.recipients, address)), _OK, None


def _address(session: Session, argument: bytes) -> bytes | None:
    """Rewritten; None: it cannot be one."""
    try:
        address, _ = smtp_path.read(argument)
    except ValueError:
        return None
    address = rewriting.address(address, session.site.rules)
    return address if len(address) <= ADDRESS_MAX else None


def _data(session: Session, _argument: bytes) -> Step:
    if session.sender is None:
        return session, _MAIL_FIRST, None
    if not session.recipients:
        return session, _RCPT_FIRST, None
    number = session.messages + 1
    mail = ReadData(session.sender, session.recipients, session.name, number)
    return replace(_forget(session), messages=number), b"", mail


def _forget(session: Session) -> Session:
    return replace(session, sender=None, name=None, recipients=())


def _saying(reply: bytes, *, forgets: bool = False) -> Callable[[Session, bytes], Step]:
    return lambda session, _argument: (_forget(session) if forgets else session, reply, None)


def _quit(session: Session, _argument: bytes) -> Step:
    return session, _BYE, Close()


_VERBS: dict[bytes, Callable[[Session, bytes], Step]] = {
    b"rcpt": _rcpt,
    b"mail": _mail,
    b"data": _data,
    b"quit": _quit,
    b"helo": _saying(_HELO, forgets=True),
    b"ehlo": _saying(_EHLO, forgets=True),
    b"rset": _saying(_FLUSHED, forgets=True),
    b"help": _saying(_HELP),
    b"noop": _saying(_OK),
    b"vrfy": _saying(_VERIFY),
}
