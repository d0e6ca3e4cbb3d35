"""POP3 until somebody has logged in: each verb takes the session and its argument and returns the session, the reply, the effect.

Rules    the reply to a wrong password is the same whoever does not exist. In the RFC profile a failure says of which kind it is
         (RFC 3206), so that a client does not ask its user for another password when the server is in trouble.
Source   RFC 1939 4 and 7, RFC 2449 (CAPA), RFC 2595 4 (STLS), RFC 3206 (AUTH, SYS/TEMP); qmail-popup(8), qmail-popup.c
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mta.errors import MailError, Permanent
from mta.net.pop3.lines import TOO_LONG, split
from mta.net.pop3.state import FAILURES_MAX, Check, Close, Login, LoginStep, StartTls

OK = b"+OK \r\n"
SYNTAX = b"-ERR syntax error\r\n"
USER_FIRST = b"-ERR USER first\r\n"
AUTHORIZATION_FIRST = b"-ERR authorization first\r\n"
CLASSIC_FAILED = b"-ERR authorization failed\r\n"
FAILED = b"-ERR [AUTH] authorization failed\r\n"
NOT_NOW = b"-ERR [SYS/TEMP] unable to check that now, please try again later\r\n"
NO_APOP = b"-ERR APOP is not offered, USER and PASS are\r\n"
STLS_FIRST = b"-ERR STLS first: passwords are not taken in clear\r\n"
NO_STLS = b"-ERR STLS is not possible now\r\n"
BEGIN_TLS = b"+OK begin TLS\r\n"
LINE_TOO_LONG = b"-ERR line too long\r\n"
TOO_MANY_ERRORS = b"-ERR too many errors\r\n"

# what a client may rely on in both states; USER and STLS come and go
CAPABILITIES = (b"TOP", b"UIDL", b"RESP-CODES", b"AUTH-RESP-CODE", b"PIPELINING", b"EXPIRE NEVER")


def greet(session: Login) -> bytes:
    return b"+OK %b\r\n" % session.banner


def command(session: Login, line: bytes | object) -> LoginStep:
    """One line without its end, or TOO_LONG."""
    if line is TOO_LONG:
        return wrong(session, LINE_TOO_LONG)
    assert isinstance(line, bytes)
    if session.profile.is_classic:
        line = line.partition(b"\0")[0]  # a C string ends there
    elif b"\0" in line:
        return wrong(session, SYNTAX)
    verb, argument = split(line)
    handler = (CLASSIC_VERBS if session.profile.is_classic else RFC_VERBS).get(verb)
    if handler is None:
        return wrong(session, AUTHORIZATION_FIRST)
    return handler(session, argument)


def wrong(session: Login, reply: bytes) -> LoginStep:
    """A refusal that counts as an error of the client's; too many of them end the connection."""
    errors = session.errors + 1
    if session.profile.errors_max and errors > session.profile.errors_max:
        return session, TOO_MANY_ERRORS, Close()
    return replace(session, errors=errors), reply, None


def user(session: Login, argument: bytes) -> LoginStep:
    if not argument:
        return wrong(session, SYNTAX)
    if session.requires_tls and not session.is_tls:
        return wrong(session, STLS_FIRST)
    return replace(session, name=argument), OK, None


def pass_(session: Login, argument: bytes) -> LoginStep:
    """The password is the rest of the line, spaces and all."""
    if session.name is None:
        return wrong(session, USER_FIRST)
    if not argument:
        return wrong(session, SYNTAX)
    return session, b"", Check(session.name, argument)


def apop(session: Login, argument: bytes) -> LoginStep:
    name, space, digest = argument.partition(b" ")
    if not space:
        return session, SYNTAX, None
    return session, b"", Check(name, digest)


def no_apop(session: Login, _argument: bytes) -> LoginStep:
    """It would need passwords kept in clear."""
    return wrong(session, NO_APOP)


def checked(session: Login, failure: MailError) -> LoginStep:
    """The answer to Check was no. (When it was yes the session is in other hands.)"""
    failures = session.failures + 1
    after = replace(session, name=None, failures=failures)
    reply = FAILED if isinstance(failure, Permanent) else NOT_NOW
    return after, reply, Close() if failures >= FAILURES_MAX else None


def capa(session: Login, _argument: bytes) -> LoginStep:
    words = list(CAPABILITIES)
    if session.can_stls and not session.is_tls:
        words.append(b"STLS")
    if session.is_tls or not session.requires_tls:
        words.append(b"USER")
    return session, OK + b"".join(word + b"\r\n" for word in words) + b".\r\n", None


def stls(session: Login, argument: bytes) -> LoginStep:
    if argument:
        return wrong(session, SYNTAX)
    if not session.can_stls or session.is_tls:
        return wrong(session, NO_STLS)
    return session, BEGIN_TLS, StartTls()


def tls_started(session: Login) -> Login:
    """After the handshake everything said before it is forgotten (RFC 2595 4)."""
    return replace(session, is_tls=True, name=None)


def noop(session: Login, _argument: bytes) -> LoginStep:
    return session, OK, None


def quit_(session: Login, _argument: bytes) -> LoginStep:
    return session, OK, Close()


Verbs = dict[bytes, Callable[[Login, bytes], LoginStep]]
CLASSIC_VERBS: Verbs = {b"user": user, b"pass": pass_, b"apop": apop, b"noop": noop, b"quit": quit_}
RFC_VERBS: Verbs = {**CLASSIC_VERBS, b"apop": no_apop, b"capa": capa, b"stls": stls}
