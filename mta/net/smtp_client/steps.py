"""The steps of a client session: each takes the session and the reply that has come, and says what to send, to report and to do.

Commands that the server lets us send together (PIPELINING) are sent together: MAIL, all RCPT, and DATA at the end. Then replies still
come when the outcome is settled already; they are listened to until the last, and a server that asks for a message nobody is to get is
given an empty one (RFC 2920 3.1), so that no reply is ever taken for the answer to another command.
Codes    500 and above is D or h, 400 and above Z or s, the rest is success, as with the original; a greeting must be 220, EHLO and HELO
         must bring 250.
Source   qmail-remote.c smtp; RFC 5321, RFC 1870 (SIZE), RFC 6152 (8BITMIME), RFC 2920 (PIPELINING), RFC 3207 (STARTTLS),
         RFC 4954 (AUTH)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mta.decisions.remote_tls import Tls
from mta.errors import PERMANENT, TEMPORARY
from mta.formats.address import quote
from mta.net.smtp_client import login, reports
from mta.net.smtp_client.reply import GARBLED, Reply
from mta.net.smtp_client.state import Act, Command, Envelope, Facts, Session, Stage, Step

QUIT = b"QUIT\r\n"
_NOT_OFFERED = b"the server does not offer it. (#4.7.4)"
_NOT_READY = b"the server is not ready for it. (#4.7.4)"


def take(session: Session, reply: Reply) -> Step:
    """The answer to the oldest command that has none yet."""
    stage, expected = session.expected[0], session.expected[1:]
    if reply.code == GARBLED:
        return _garbled(replace(session, expected=()), stage, reply)
    return STEPS[stage](replace(session, expected=expected), reply)


def _garbled(session: Session, stage: Stage, reply: Reply) -> Step:
    if session.is_settled:
        return Step(session, act=Act.CLOSE)
    if stage is Stage.GREETING:
        return _part(session, reports.greeting_failed(session.ip, reply))
    report = reports.garbled(session.ip, reply, is_critical=session.is_critical)
    return Step(replace(session, is_settled=True), report=report, act=Act.CLOSE)


def _failure(reply: Reply) -> bytes:
    """D, Z, or b"": no failure."""
    return PERMANENT if reply.code >= 500 else TEMPORARY if reply.code >= 400 else b""


def greeting(session: Session, reply: Reply) -> Step:
    if reply.code != 220:
        return _settle(session, reports.greeting_failed(session.ip, reply))
    return _hello(session)


def _hello(session: Session) -> Step:
    if session.profile.uses_ehlo:
        return _send(session, Stage.EHLO, b"EHLO %b\r\n" % session.helohost)
    return _send(session, Stage.HELO, b"HELO %b\r\n" % session.helohost)


def ehlo(session: Session, reply: Reply) -> Step:
    if reply.code >= 500:  # it does not know EHLO, or does not like it: HELO always works
        return _send(session, Stage.HELO, b"HELO %b\r\n" % session.helohost)
    if reply.code != 250:
        return _settle(session, reports.name_rejected(session.ip, reply))
    offers = {}
    for line in reply.lines[1:]:
        keyword, _, parameters = line[4:].partition(b" ")
        offers[keyword.upper()] = parameters
    return _secure(replace(session, offers=offers))


def helo(session: Session, reply: Reply) -> Step:
    if reply.code != 250:
        return _settle(session, reports.name_rejected(session.ip, reply))
    return _secure(replace(session, offers={}))


def _secure(session: Session) -> Step:
    if session.is_tls or session.tls is Tls.NEVER:
        return _log_in(session)
    if b"STARTTLS" in session.offers:
        return _send(session, Stage.STARTTLS, b"STARTTLS\r\n")
    if session.tls is Tls.REQUIRED:
        return _settle(session, _no_tls(session, _NOT_OFFERED))
    return _log_in(session)


def starttls(session: Session, reply: Reply) -> Step:
    if reply.code == 220:
        return Step(session, act=Act.START_TLS)
    if session.tls is Tls.REQUIRED:
        return _settle(session, _no_tls(session, _NOT_READY))
    return _log_in(session)


def _no_tls(session: Session, why: bytes) -> bytes:
    if session.login is not None:
        return reports.no_tls_for_login(session.ip, why)
    return reports.no_tls(session.ip, session.name, why)


def tls_started(session: Session) -> Step:
    """After the handshake what the server offered before it is forgotten (RFC 3207 4.2)."""
    return _hello(replace(session, is_tls=True, offers={}))


def _log_in(session: Session) -> Step:
    if session.login is None or session.is_logged_in:
        return _transaction(session)
    mechanism = login.choose(session.offers.get(b"AUTH", b""))
    if mechanism is None:
        return _settle(session, reports.no_login(session.ip))
    return _send(replace(session, mechanism=mechanism, asked=0), Stage.AUTH, login.begin(mechanism, session.login))


def auth(session: Session, reply: Reply) -> Step:
    if reply.code == 235:
        return _transaction(replace(session, is_logged_in=True))
    assert session.login is not None
    if reply.code == 334:
        answer = login.answer(session.mechanism, session.login, session.asked, reply.lines[-1][4:])
        if answer is not None:
            return _send(replace(session, asked=session.asked + 1), Stage.AUTH, answer)
    return _settle(session, reports.login_refused(session.ip, reply))


def again(session: Session, envelope: Envelope, facts: Facts) -> Step:
    """Another message on a connection that Act.KEEP left to us."""
    fresh = replace(
        session, envelope=envelope, facts=facts, is_reused=True, answered=0, accepted=0, is_critical=False, is_settled=False, expected=()
    )
    return _transaction(fresh)


def _transaction(session: Session) -> Step:
    commands: list[Command] = [(Stage.RSET, b"RSET\r\n")] if session.is_reused else []
    commands.append((Stage.MAIL, b"MAIL FROM:<%b>%b\r\n" % (quote(session.envelope.sender), _mail_parameters(session))))
    commands += [(Stage.RCPT, b"RCPT TO:<%b>\r\n" % quote(r)) for r in session.envelope.recipients]
    commands.append((Stage.DATA, b"DATA\r\n"))
    if session.profile.uses_pipelining and b"PIPELINING" in session.offers:
        stages = tuple(stage for stage, _ in commands)
        return Step(replace(session, expected=stages), b"".join(command for _, command in commands))
    return _go_on(replace(session, waiting=tuple(commands)))


def _mail_parameters(session: Session) -> bytes:
    words = b""
    if session.facts.size_bytes is not None and b"SIZE" in session.offers:
        words += b" SIZE=%d" % session.facts.size_bytes
    if session.facts.has_8bit and b"8BITMIME" in session.offers:
        words += b" BODY=8BITMIME"
    return words


def rset(session: Session, reply: Reply) -> Step:
    if _failure(reply):
        return Step(session, act=Act.REPLACE)
    return _go_on(session)


def mail(session: Session, reply: Reply) -> Step:
    letter = _failure(reply)
    if not letter:
        return _go_on(session)
    if session.is_reused and letter == TEMPORARY:  # "too many messages on this connection", or it is closing
        return Step(session, act=Act.REPLACE)
    return _settle(session, reports.sender_rejected(letter, session.ip, reply))


def rcpt(session: Session, reply: Reply) -> Step:
    if session.is_settled:
        return Step(session)
    letter = {PERMANENT: b"h", TEMPORARY: b"s"}.get(_failure(reply))
    report = reports.ACCEPTED if letter is None else reports.recipient_refused(letter, session.ip, reply)
    session = replace(session, answered=session.answered + 1, accepted=session.accepted + (letter is None))
    if session.answered == len(session.envelope.recipients) and not session.accepted:
        return _settle(session, report + reports.giving_up(session.ip))
    return _go_on(session, report)


def data(session: Session, reply: Reply) -> Step:
    letter = _failure(reply)
    if session.is_settled:
        return _part(session) if letter else _send(session, Stage.NOBODY, b".\r\n")
    if letter:
        return _settle(replace(session, is_refused=True), reports.data_failed(letter, session.ip, reply))
    return Step(replace(session, expected=(Stage.FINAL,)), act=Act.SEND_MESSAGE)


def end_sent(session: Session) -> Session:
    """From here on the server may own the message without our knowing."""
    return replace(session, is_critical=True)


def final(session: Session, reply: Reply) -> Step:
    letter = _failure(reply)
    session = replace(session, is_critical=False)
    if letter:
        return _settle(replace(session, is_refused=True), reports.message_failed(letter, session.ip, reply))
    return Step(replace(session, is_settled=True), report=reports.message_accepted(session.ip, reply), act=Act.KEEP)


def nobody(session: Session, _reply: Reply) -> Step:
    return _part(session)


def is_untouched(session: Session) -> bool:
    """On a connection used before: has the server not even answered MAIL? Then a new connection can start from the beginning."""
    return session.is_reused and (Stage.MAIL in session.expected or any(stage is Stage.MAIL for stage, _ in session.waiting))


def no_tls(session: Session, why: bytes) -> bytes:
    """The report when the handshake failed and encryption is required."""
    return _no_tls(session, b"%b (#4.7.5)" % why)


def interrupted(session: Session, reply: Reply) -> bytes:
    """The report when this was said before the message had been sent. Success it cannot be."""
    letter = _failure(reply)
    return reports.message_failed(letter, session.ip, reply) if letter else died(session)


def died(session: Session) -> bytes:
    """The report when the connection is gone; none when all has been said."""
    return b"" if session.is_settled else reports.died(session.ip, is_critical=session.is_critical)


def _send(session: Session, stage: Stage, command: bytes) -> Step:
    return Step(replace(session, expected=(stage,)), command)


def _go_on(session: Session, report: bytes = b"") -> Step:
    """The next command, unless all were sent together."""
    if session.expected:
        return Step(session, report=report)
    (stage, command), *rest = session.waiting
    return Step(replace(session, expected=(stage,), waiting=tuple(rest)), command, report)


def _settle(session: Session, report: bytes) -> Step:
    """The outcome is known. Replies that are still to come are waited for before we part."""
    session = replace(session, is_settled=True, waiting=())
    return Step(session, report=report) if session.expected else _part(session, report)


def _part(session: Session, report: bytes = b"") -> Step:
    return Step(replace(session, is_settled=True), QUIT, report, Act.CLOSE)


STEPS: dict[Stage, Callable[[Session, Reply], Step]] = {
    Stage.GREETING: greeting,
    Stage.EHLO: ehlo,
    Stage.HELO: helo,
    Stage.STARTTLS: starttls,
    Stage.AUTH: auth,
    Stage.RSET: rset,
    Stage.MAIL: mail,
    Stage.RCPT: rcpt,
    Stage.DATA: data,
    Stage.FINAL: final,
    Stage.NOBODY: nobody,
}
