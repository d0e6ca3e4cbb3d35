"""POP3 after login: each verb takes the session and its argument and returns the session, the reply, and what the edge is to do.

Replies are qmail-pop3d's own texts in both profiles. A verb that changes nothing returns the session it was given. Nothing is removed
before QUIT: a connection that breaks leaves the mailbox as it was.
Source   RFC 1939 5 to 7, RFC 1460 (LAST), RFC 2449 (CAPA); qmail-pop3d(8), qmail-pop3d.c
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from mta.net.pop3.lines import TOO_LONG, split
from mta.net.pop3.login import CAPABILITIES, LINE_TOO_LONG, OK, SYNTAX, TOO_MANY_ERRORS
from mta.net.pop3.state import Close, Commit, Profile, Send, Session, Step

UNIMPLEMENTED = b"-ERR unimplemented\r\n"
FROM_ONE = b"-ERR messages are counted from 1\r\n"
TOO_BIG = b"-ERR not that many messages\r\n"
DELETED = b"-ERR already deleted\r\n"
NOT_OPENED = b"-ERR unable to open that message\r\n"
NOT_UNLINKED = b"-ERR unable to unlink all deleted messages\r\n"
TEMPORARILY_NOT_UNLINKED = b"-ERR [SYS/TEMP] unable to unlink all deleted messages\r\n"
NO_MAILDIR = b"-ERR this user has no $HOME/Maildir\r\n"
NOT_SCANNED = b"-ERR unable to scan $HOME/Maildir\r\n"

_DIGITS_MAX = 20  # more than that counts as "too big" and is not worked out


class Refused(Exception):
    """An argument that names no message. reply: what to say."""

    def __init__(self, reply: bytes) -> None:
        super().__init__(reply)
        self.reply = reply


def begin(profile: Profile, sizes: Sequence[int], uids: Sequence[bytes]) -> Session:
    return Session(profile, sizes, uids, sum(sizes))


def command(session: Session, line: bytes | object) -> Step:
    """One line without its end, or TOO_LONG."""
    if line is TOO_LONG:
        return wrong(session, LINE_TOO_LONG)
    assert isinstance(line, bytes)
    if session.profile.is_classic:
        line = line.partition(b"\0")[0]  # a C string ends there
    verb, argument = split(line)
    handler = (CLASSIC_VERBS if session.profile.is_classic else RFC_VERBS).get(verb)
    if handler is None:
        return wrong(session, UNIMPLEMENTED)
    try:
        return handler(session, argument)
    except Refused as refused:
        return wrong(session, refused.reply)


def wrong(session: Session, reply: bytes) -> Step:
    errors = session.errors + 1
    if session.profile.errors_max and errors > session.profile.errors_max:
        return session, TOO_MANY_ERRORS, Close()
    return replace(session, errors=errors), reply, None


def _number(argument: bytes) -> tuple[int, bytes]:
    """-> (the leading digits, what stands behind them). Raises Refused without digits."""
    rest = argument.lstrip(b"0123456789")
    digits = argument[: len(argument) - len(rest)]
    if not digits:
        raise Refused(SYNTAX)
    return int(digits) if len(digits) <= _DIGITS_MAX else 10**_DIGITS_MAX, rest.lstrip(b" ")


def _message(session: Session, argument: bytes) -> tuple[int, bytes]:
    """-> (index of the message meant, what stands behind its number). Raises Refused."""
    number, rest = _number(argument)
    if number == 0:
        raise Refused(FROM_ONE)
    if number > len(session.sizes):
        raise Refused(TOO_BIG)
    if session.is_deleted(number - 1):
        raise Refused(DELETED)
    return number - 1, rest


def _only_message(session: Session, argument: bytes) -> int:
    """The argument is one number and nothing else; the classic profile does not look behind the number. Raises Refused."""
    index, rest = _message(session, argument)
    if rest and not session.profile.is_classic:
        raise Refused(SYNTAX)
    return index


def _listed(session: Session, column: Sequence[int] | Sequence[bytes], line: bytes) -> bytes:
    """A line for each message not deleted; line has places for its number and what stands for it in the column."""
    rows = enumerate(column, 1)
    if session.deleted:
        rows = ((number, what) for number, what in rows if not session.is_deleted(number - 1))  # type: ignore[assignment]
    return OK + b"".join([line % row for row in rows]) + b".\r\n"


def stat(session: Session, _argument: bytes) -> Step:
    count = len(session.sizes)
    if not session.profile.is_classic:
        count -= session.deleted.bit_count()
    return session, b"+OK %d %d\r\n" % (count, session.left_octets), None


def list_(session: Session, argument: bytes) -> Step:
    if argument:
        index = _only_message(session, argument)
        return session, b"+OK %d %d\r\n" % (index + 1, session.sizes[index]), None
    return session, _listed(session, session.sizes, b"%d %d\r\n"), None


def uidl(session: Session, argument: bytes) -> Step:
    if argument:
        index = _only_message(session, argument)
        return session, b"+OK %d %b\r\n" % (index + 1, session.uids[index]), None
    return session, _listed(session, session.uids, b"%d %b\r\n"), None


def classic_retr(session: Session, argument: bytes) -> Step:
    """RETR and TOP are one verb there, and the number of lines may stand behind either or be missing."""
    index, rest = _message(session, argument)
    try:
        return session, b"", Send(index, _number(rest)[0])
    except Refused:
        return session, b"", Send(index, None)


def retr(session: Session, argument: bytes) -> Step:
    index = _only_message(session, argument)
    return replace(session, last=max(session.last, index + 1)), b"", Send(index, None)


def top(session: Session, argument: bytes) -> Step:
    index, rest = _message(session, argument)
    body_lines, behind = _number(rest)
    if behind:
        raise Refused(SYNTAX)
    return replace(session, last=max(session.last, index + 1)), b"", Send(index, body_lines)


def dele(session: Session, argument: bytes) -> Step:
    index = _only_message(session, argument)
    after = replace(
        session,
        deleted=session.deleted | 1 << index,
        left_octets=session.left_octets - session.sizes[index],
        last=max(session.last, index + 1),
    )
    return after, OK, None


def rset(session: Session, _argument: bytes) -> Step:
    return replace(begin(session.profile, session.sizes, session.uids), errors=session.errors), OK, None


def last(session: Session, _argument: bytes) -> Step:
    """The highest number deleted, in the classic profile; deleted or retrieved, as RFC 1460 had it, in the other."""
    return session, b"+OK %d\r\n" % session.last, None


def noop(session: Session, _argument: bytes) -> Step:
    return session, OK, None


def capa(session: Session, _argument: bytes) -> Step:
    return session, OK + b"".join(word + b"\r\n" for word in (*CAPABILITIES, b"USER")) + b".\r\n", None


def quit_(session: Session, _argument: bytes) -> Step:
    return session, b"", Commit()


def committed(session: Session, failures: int) -> bytes:
    """The reply to QUIT. failures: messages that could not be removed."""
    if session.profile.is_classic:
        return NOT_UNLINKED * failures + OK
    return TEMPORARILY_NOT_UNLINKED if failures else OK


Verbs = dict[bytes, Callable[[Session, bytes], Step]]
CLASSIC_VERBS: Verbs = {
    b"stat": stat,
    b"list": list_,
    b"uidl": uidl,
    b"retr": classic_retr,
    b"top": classic_retr,
    b"dele": dele,
    b"rset": rset,
    b"last": last,
    b"noop": noop,
    b"quit": quit_,
}
RFC_VERBS: Verbs = {**CLASSIC_VERBS, b"retr": retr, b"top": top, b"capa": capa}
