"""The verbs of SMTP: each takes the session and its argument and returns the session, the reply, and what the edge is to do.

Replies are qmail-smtpd's own texts. A verb that changes nothing returns the session it was given.
Source   qmail-smtpd(8), qmail-smtpd.c; RFC 5321; RFC 1870 (SIZE), RFC 3207 (STARTTLS)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from mta.decisions import smtp_rcpt
from mta.errors import MailError, Permanent, Temporary
from mta.formats import smtp_path, virtualdomains
from mta.formats.received import network_line
from mta.net.smtp import auth, filters
from mta.net.smtp.state import AskRecipient, Close, Effect, Later, ReadData, Session, StartTls, Step, Transaction

SYNTAX = b"555 syntax error (#5.5.4)\r\n"
UNIMPLEMENTED = b"502 unimplemented (#5.5.1)\r\n"
MAIL_FIRST = b"503 MAIL first (#5.5.1)\r\n"
RCPT_FIRST = b"503 RCPT first (#5.5.1)\r\n"
OK = b"250 ok\r\n"
STRAY_NEWLINE = b"451 See https://cr.yp.to/docs/smtplf.html.\r\n"
TIMEOUT = b"451 timeout (#4.4.2)\r\n"
LINE_TOO_LONG = b"500 line too long (#5.5.2)\r\n"
NO_CONTROLS = b"421 unable to read controls (#4.3.0)\r\n"
NO_QUEUE = b"451 qqt failure (#4.3.0)\r\n"
SHUTTING_DOWN = b"421 closing for a restart, please come back in a moment (#4.3.2)\r\n"
TOO_MANY_ERRORS = b"421 too many errors, closing (#4.7.0)\r\n"
TOO_MANY_RECIPIENTS = b"452 too many recipients in one message (#4.5.3)\r\n"
BAD_BYTE_IN_SENDER = b"553 sorry, that sender holds a byte no address may hold (#5.1.7)\r\n"
BAD_BYTE_IN_RECIPIENT = b"553 sorry, that recipient holds a byte no address may hold (#5.1.3)\r\n"
CONTROL_IN_SENDER = b"501 sorry, that sender holds a control character (#5.1.7)\r\n"
CONTROL_IN_RECIPIENT = b"501 sorry, that recipient holds a control character (#5.1.3)\r\n"
BAD_SIZE = b"501 sorry, SIZE wants a number (#5.5.4)\r\n"
TOO_BIG = b"552 sorry, that message size exceeds my databytes limit (#5.3.4)\r\n"
TOO_MANY_HOPS = b"554 too many hops, this message is looping (#5.4.6)\r\n"
AUTH_FIRST = b"530 Authorization required (#5.7.1)\r\n"

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_HTTP = frozenset((b"get", b"post", b"put", b"head", b"connect", b"options", b"delete"))


def greet(session: Session) -> bytes:
    return b"220 %b ESMTP\r\n" % session.controls.greeting


def command(session: Session, line: bytes) -> Step:
    """One command line without its CRLF."""
    if session.auth is not None:
        return auth.answer(session, line)
    verb, _, argument = line.partition(b" ")
    lowered = verb.lower()
    handler = VERBS.get(lowered)
    if handler is not None:
        return handler(session, argument.lstrip(b" "))
    if lowered in _HTTP:
        return session, UNIMPLEMENTED, Close()
    return wrong(session, UNIMPLEMENTED)


def wrong(session: Session, reply: bytes) -> Step:
    """A refusal that counts as an error of the client's; too many of them end the connection."""
    errors = session.errors + 1
    limit = session.profile.errors_max
    if limit and errors > limit:
        return session, TOO_MANY_ERRORS, Close()
    return replace(session, errors=errors), reply, None


def refusal(error: MailError, *, permanent: int) -> bytes:
    """A failure as a reply: 451 when it is worth another try, else the given code."""
    return b"%d %b\r\n" % (permanent if isinstance(error, Permanent) else 451, error.text.encode("latin-1"))


def helo(session: Session, argument: bytes) -> Step:
    return replace(session, helo=argument, transaction=None), b"250 %b\r\n" % session.controls.greeting, None


def ehlo(session: Session, argument: bytes) -> Step:
    words = [session.controls.greeting, b"PIPELINING"]
    if session.profile.has_size:
        words.append(b"SIZE %d" % session.databytes)
    if session.profile.has_starttls and not session.is_tls:
        words.append(b"STARTTLS")
    if auth.is_offered(session):
        words += auth.offer(session)
    words.append(b"8BITMIME")
    reply = b"".join(b"250-%b\r\n" % word for word in words[:-1]) + b"250 %b\r\n" % words[-1]
    return replace(session, helo=argument, transaction=None), reply, None


def mail(session: Session, argument: bytes) -> Step:
    if session.profile.requires_auth and session.relayclient is None:
        return session, AUTH_FIRST, None
    c = session.controls
    try:
        sender, rest = smtp_path.read(argument, localiphost=c.localiphost, is_own_ip=c.is_own_ip)
    except smtp_path.TooLong:
        return session, SYNTAX, None
    except smtp_path.ForbiddenByte:
        return wrong(session, BAD_BYTE_IN_SENDER)
    if session.profile.refuses_controls and _CONTROL.search(sender):
        return wrong(session, CONTROL_IN_SENDER)
    if session.profile.has_size and rest:
        size = smtp_path.parameters(rest).get(b"SIZE", b"")
        if size and not size.isdigit():
            return wrong(session, BAD_SIZE)
        if session.databytes and size and int(size[:19]) > session.databytes:
            return session, TOO_BIG, None
    is_bad = bool(c.badmailfrom) and smtp_rcpt.is_bad_sender(sender, c.badmailfrom)
    return replace(session, transaction=Transaction(sender, is_bad)), OK, None


def rcpt(session: Session, argument: bytes) -> Step:
    transaction, c = session.transaction, session.controls
    if transaction is None:
        return session, MAIL_FIRST, None
    try:
        address, _ = smtp_path.read(argument, localiphost=c.localiphost, is_own_ip=c.is_own_ip)
    except smtp_path.TooLong:
        return session, SYNTAX, None
    except smtp_path.ForbiddenByte:
        return wrong(session, BAD_BYTE_IN_RECIPIENT)
    if session.profile.refuses_controls and _CONTROL.search(address):
        return wrong(session, CONTROL_IN_RECIPIENT)
    if transaction.is_bad_sender:
        return session, b"553 %b\r\n" % smtp_rcpt.BAD_SENDER.encode(), None
    limit = session.profile.recipients_max if session.relayclient is None else session.profile.client_recipients_max
    if limit and len(transaction.recipients) >= limit:
        return session, TOO_MANY_RECIPIENTS, None
    try:
        denial = _denial(session, address)
        if denial is not None:
            return wrong(session, b"553 %b\r\n" % denial.encode())
        address = smtp_rcpt.smtp_rcpt(address, relayclient=session.relayclient, listed=c.rcpthosts, more=c.more)
    except MailError as error:
        return wrong(session, refusal(error, permanent=553))
    except (ValueError, OSError):  # morercpthosts.cdb or morebadrcptto.cdb is damaged or unreadable: we cannot tell
        return session, refusal(Temporary("unable to read controls (#4.3.0)"), permanent=553), None
    if _is_virtual(session, address):
        return session, b"", AskRecipient(address)
    return accept_recipient(session, address)


def _denial(session: Session, address: bytes) -> str | None:
    """Raises ValueError, OSError: we cannot tell."""
    is_relay_client = session.relayclient is not None
    return filters.refusal(
        session.controls.filters, session.client.exceptions, helo=session.helo, recipient=address, is_relay_client=is_relay_client
    )


def _is_virtual(session: Session, address: bytes) -> bool:
    table = session.controls.virtualdomains
    if not table or b"@" not in address:
        return False
    found = virtualdomains.find(table, address)
    return found is not None and found[1] != b""


def accept_recipient(session: Session, address: bytes) -> Step:
    transaction = session.transaction
    assert transaction is not None
    added = replace(transaction, recipients=(*transaction.recipients, address))
    delay_s = filters.delay_s(session.controls.filters, session.client.exceptions, len(added.recipients))
    if delay_s:
        return replace(session, transaction=added), b"", Later(OK, delay_s)
    return replace(session, transaction=added), OK, None


def recipient_asked(session: Session, address: bytes, failure: MailError | None) -> Step:
    """The answer to AskRecipient: None when the recipient exists."""
    if failure is None:
        return accept_recipient(session, address)
    return wrong(session, refusal(failure, permanent=550))


def data(session: Session, _argument: bytes) -> Step:
    if session.transaction is None:
        return session, MAIL_FIRST, None
    if not session.transaction.recipients:
        return session, RCPT_FIRST, None
    return session, b"354 go ahead\r\n", ReadData()


def received_line(session: Session, now_s: int) -> bytes:
    """The line to put before the message whose DATA has begun."""
    client = session.client
    return network_line(
        helo=session.helo,
        remote_host=client.host,
        remote_info=session.user if session.user is not None else client.info,
        remote_ip=client.ip,
        local=client.local,
        protocol=session.protocol,
        now_s=now_s,
    )


def queued(session: Session, now_s: int, qp: int) -> Step:
    """The message is on disk and will be delivered or bounced."""
    return replace(session, transaction=None), b"250 ok %d qp %d\r\n" % (now_s, qp), None


def not_queued(session: Session, reply: bytes) -> Step:
    return replace(session, transaction=None), reply, None


QUEUE_DISK_FULL = 53


def queue_refusal(error: MailError, exit_: int) -> bytes:
    """qmail-queue's failure as a reply; a full disk is 452, as RFC 5321 wants it."""
    reply = refusal(error, permanent=554)
    return b"452" + reply[3:] if exit_ == QUEUE_DISK_FULL else reply


def rset(session: Session, _argument: bytes) -> Step:
    return replace(session, transaction=None), b"250 flushed\r\n", None


def noop(session: Session, _argument: bytes) -> Step:
    return session, OK, None


def vrfy(session: Session, _argument: bytes) -> Step:
    return session, b"252 send some mail, i'll try my best\r\n", None


def help_(session: Session, _argument: bytes) -> Step:
    return session, b"214 notqmail home page: https://notqmail.org\r\n", None


def quit_(session: Session, _argument: bytes) -> Step:
    return session, b"221 %b\r\n" % session.controls.greeting, Close()


def starttls(session: Session, argument: bytes) -> Step:
    if not session.profile.has_starttls or session.is_tls:
        return wrong(session, UNIMPLEMENTED)
    if argument:
        return wrong(session, b"501 Syntax error (no parameters allowed) (#5.5.4)\r\n")
    return session, b"220 ready for tls\r\n", StartTls()


def tls_started(session: Session) -> Session:
    """After the handshake everything said before it is forgotten (RFC 3207 4.2)."""
    return Session(session.profile, session.client, session.controls, is_tls=True, errors=session.errors)


def closes(effect: Effect | None) -> bool:
    return isinstance(effect, Close)


VERBS: dict[bytes, Callable[[Session, bytes], Step]] = {
    b"helo": helo,
    b"ehlo": ehlo,
    b"mail": mail,
    b"rcpt": rcpt,
    b"data": data,
    b"rset": rset,
    b"noop": noop,
    b"vrfy": vrfy,
    b"help": help_,
    b"quit": quit_,
    b"starttls": starttls,
    b"auth": auth.begin,
}
