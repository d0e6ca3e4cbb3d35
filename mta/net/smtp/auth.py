"""AUTH PLAIN, LOGIN and CRAM-MD5: who is it? The answer comes from the login broker, or from a checkpassword program; here only the
exchange is spoken.

Offered  only where the listener has AUTH, and only under TLS or from this machine itself: passwords do not cross a network in clear, unless
         the site wants it so (qmail-smtpd with SMTPAUTH)
Limits   12288 octets a response (RFC 4954 4); names and passwords are handed on only without NUL
Source   RFC 4954, RFC 4616 (PLAIN), RFC 2195 (CRAM-MD5); the replies are those of the qmail-smtpd AUTH patches
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from dataclasses import replace

from mta.errors import MailError, Permanent
from mta.net.smtp.state import AuthStep, Session, Step, Verify

UNAVAILABLE = b"503 auth not available (#5.3.3)\r\n"
TLS_FIRST = b"538 auth not available without TLS (#5.3.3)\r\n"
ALREADY = b"503 you're already authenticated (#5.5.0)\r\n"
IN_TRANSACTION = b"503 no auth during mail transaction (#5.5.0)\r\n"
UNKNOWN_TYPE = b"504 auth type unimplemented (#5.5.1)\r\n"
CANCELED = b"501 auth exchange canceled (#5.0.0)\r\n"
MALFORMED = b"501 malformed auth input (#5.5.4)\r\n"
FAILED = b"535 authentication failed (#5.7.1)\r\n"
TEMPORARY = b"454 oops, unable to check that now (#4.3.0)\r\n"
OK = b"235 ok, go ahead (#2.0.0)\r\n"
ASK_USER = b"334 VXNlcm5hbWU6\r\n"
ASK_PASSWORD = b"334 UGFzc3dvcmQ6\r\n"
ASK_PLAIN = b"334 \r\n"


CRAM = b"CRAM-MD5"


def is_offered(session: Session) -> bool:
    return session.profile.has_auth and session.user is None and _is_safe(session)


def _is_safe(session: Session) -> bool:
    return session.is_tls or session.client.is_loopback or session.profile.auth_in_clear


def offer(session: Session) -> list[bytes]:
    """The words of EHLO; the second is for clients from before the RFC."""
    words = b" ".join(session.profile.mechanisms)
    return [b"AUTH " + words, b"AUTH=" + words]


def begin(session: Session, argument: bytes) -> Step:
    refusal = _refusal(session)
    if refusal:
        return session, refusal, None
    mechanism, _, initial = argument.partition(b" ")
    mechanism = mechanism.upper()
    if mechanism not in session.profile.mechanisms:
        return session, UNKNOWN_TYPE, None
    waiting = replace(session, auth=AuthStep(mechanism))
    if mechanism == CRAM:
        return waiting, b"334 %b\r\n" % b64encode(session.client.stamp), None
    if initial:
        return answer(waiting, b"" if initial == b"=" else initial.lstrip(b" "))
    return waiting, ASK_PLAIN if mechanism == b"PLAIN" else ASK_USER, None


def _refusal(session: Session) -> bytes | None:
    if not session.profile.has_auth:
        return UNAVAILABLE
    if session.user is not None:
        return ALREADY
    if session.transaction is not None:
        return IN_TRANSACTION
    return None if _is_safe(session) else TLS_FIRST


def answer(session: Session, line: bytes) -> Step:
    """The client's next line within an exchange."""
    step = session.auth
    assert step is not None
    done = replace(session, auth=None)
    if line == b"*":
        return done, CANCELED, None
    try:
        text = b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        return done, MALFORMED, None
    if step.mechanism == b"LOGIN" and step.user is None:
        return replace(session, auth=AuthStep(b"LOGIN", text)), ASK_PASSWORD, None
    if step.mechanism == b"LOGIN":
        return _verify(done, step.user or b"", text)
    if step.mechanism == CRAM:
        user, _, digest = text.rpartition(b" ")
        return _verify(done, user, digest, session.client.stamp)
    fields = text.split(b"\0")  # authorize-id NUL authenticate-id NUL password
    if len(fields) != 3:
        return done, MALFORMED, None
    return _verify(done, fields[1], fields[2])


def _verify(session: Session, user: bytes, password: bytes, challenge: bytes = b"") -> Step:
    if not user or not password or b"\0" in user + password:
        return session, MALFORMED, None
    return session, b"", Verify(user, password, challenge)


def verified(session: Session, user: bytes, failure: MailError | None) -> Step:
    """The answer to Verify: None when the password was right."""
    if failure is None:
        return replace(session, user=user), OK, None
    return replace(session, errors=session.errors + 1), FAILED if isinstance(failure, Permanent) else TEMPORARY, None
