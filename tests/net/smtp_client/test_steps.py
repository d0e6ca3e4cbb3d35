"""Dialogs with the session functions alone, no socket: each row is what the server says and what must come of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.decisions.remote_tls import Tls
from mta.net.smtp_client import steps
from mta.net.smtp_client.reply import Replies
from mta.net.smtp_client.state import MODERN, ORIGINAL, Act, Envelope, Facts, Session, Step

TWO = (b"u@dest.test", b"v@dest.test")


def session(**fields: object) -> Session:
    start = Session(
        profile=MODERN,
        ip=b"127.0.0.9",
        name=b"mx.dest.test",
        helohost=b"me.test",
        envelope=Envelope(b"s@x.test", TWO[:1]),
        facts=Facts(17, has_8bit=False),
    )
    return replace(start, **fields)  # type: ignore[arg-type]


def play(start: Session | Step, said: bytes) -> tuple[list[bytes], bytes, Step]:
    """The server says all that -> (what was sent, one element for each time; the reports; the last step)."""
    replies = Replies()
    replies.feed(said)
    step = start if isinstance(start, Step) else Step(start)
    sent, report = [step.send] if step.send else [], step.report
    while (reply := replies.next()) is not None:
        if step.act is Act.SEND_MESSAGE:
            step = Step(steps.end_sent(step.session))
        step = steps.tls_started(step.session) if step.act is Act.START_TLS else steps.take(step.session, reply)
        if step.send:
            sent.append(step.send)
        report += step.report
    return sent, report, step


EHLO, HELO, MAIL, RCPT, DATA = (
    b"EHLO me.test\r\n",
    b"HELO me.test\r\n",
    b"MAIL FROM:<s@x.test>\r\n",
    b"RCPT TO:<u@dest.test>\r\n",
    b"DATA\r\n",
)
PIPELINING = b"250-mx\r\n250 PIPELINING\r\n"
QUIT = [b"QUIT\r\n"]


def test_one_command_at_a_time_when_nothing_is_offered() -> None:
    sent, report, step = play(session(), b"220 hi\r\n250 mx\r\n250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n")
    assert sent == [EHLO, MAIL, RCPT, DATA]
    assert report == b"r\0K127.0.0.9 accepted message.\nRemote host said: 250 queued\n\0"
    assert step.act is Act.KEEP


def test_commands_together_where_the_server_offers_it() -> None:
    sent, report, step = play(session(), b"220 hi\r\n" + PIPELINING + b"250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n")
    assert sent == [EHLO, MAIL + RCPT + DATA]
    assert step.act is Act.KEEP


def test_not_together_when_the_profile_says_so() -> None:
    start = session(profile=replace(MODERN, uses_pipelining=False))
    sent, _, _ = play(start, b"220 hi\r\n" + PIPELINING + b"250 ok\r\n250 ok\r\n354 go\r\n")
    assert sent == [EHLO, MAIL, RCPT, DATA]


@pytest.mark.parametrize(
    ("why", "offers", "facts", "mail"),
    [
        ("nothing offered", b"250 mx\r\n", Facts(17, has_8bit=True), b"MAIL FROM:<s@x.test>\r\n"),
        ("SIZE", b"250-mx\r\n250 SIZE 1000\r\n", Facts(17, has_8bit=True), b"MAIL FROM:<s@x.test> SIZE=17\r\n"),
        ("SIZE in small letters", b"250-mx\r\n250 size\r\n", Facts(17, has_8bit=False), b"MAIL FROM:<s@x.test> SIZE=17\r\n"),
        ("a size we do not know", b"250-mx\r\n250 SIZE\r\n", Facts(None, has_8bit=False), b"MAIL FROM:<s@x.test>\r\n"),
        ("8BITMIME, needed", b"250-mx\r\n250 8BITMIME\r\n", Facts(17, has_8bit=True), b"MAIL FROM:<s@x.test> BODY=8BITMIME\r\n"),
        ("8BITMIME, not needed", b"250-mx\r\n250 8BITMIME\r\n", Facts(17, has_8bit=False), b"MAIL FROM:<s@x.test>\r\n"),
        ("both", b"250-mx\r\n250-SIZE\r\n250 8BITMIME\r\n", Facts(17, has_8bit=True), b"MAIL FROM:<s@x.test> SIZE=17 BODY=8BITMIME\r\n"),
    ],
)  # fmt: skip
def test_it_tells_of_the_message_what_the_server_wants_to_know(why: str, offers: bytes, facts: Facts, mail: bytes) -> None:
    sent, _, _ = play(session(facts=facts), b"220 hi\r\n" + offers)
    assert sent == [EHLO, mail], why


def test_helo_follows_when_ehlo_is_refused() -> None:
    sent, _, _ = play(session(), b"220 hi\r\n502 what?\r\n250 mx\r\n")
    assert sent == [EHLO, HELO, MAIL]


def test_helo_alone_as_the_original_says_it() -> None:
    sent, _, _ = play(session(profile=ORIGINAL), b"220 hi\r\n250-mx\r\n250 SIZE\r\n")
    assert sent == [HELO, MAIL]


@pytest.mark.parametrize(
    ("why", "said", "sent", "report"),
    [
        ("the greeting", b"554 no\r\n", QUIT, b"ZConnected to 127.0.0.9 but greeting failed.\nRemote host said: 554 no\n\0"),
        ("a greeting that is not 220", b"250 hi\r\n", QUIT,
         b"ZConnected to 127.0.0.9 but greeting failed.\nRemote host said: 250 hi\n\0"),
        ("another service", b"SSH-2.0-x\r\n", QUIT, b"ZConnected to 127.0.0.9 but greeting failed.\nRemote host said: SSH-2.0-x\n\0"),
        ("EHLO, for now", b"220 hi\r\n421 busy\r\n", [EHLO, *QUIT],
         b"ZConnected to 127.0.0.9 but my name was rejected.\nRemote host said: 421 busy\n\0"),
        ("EHLO and HELO", b"220 hi\r\n550 no\r\n550 no\r\n", [EHLO, HELO, *QUIT],
         b"ZConnected to 127.0.0.9 but my name was rejected.\nRemote host said: 550 no\n\0"),
        ("MAIL for good", b"220 hi\r\n250 mx\r\n550 spam\r\n", [EHLO, MAIL, *QUIT],
         b"DConnected to 127.0.0.9 but sender was rejected.\nRemote host said: 550 spam\n\0"),
        ("MAIL for now", b"220 hi\r\n250 mx\r\n451 later\r\n", [EHLO, MAIL, *QUIT],
         b"ZConnected to 127.0.0.9 but sender was rejected.\nRemote host said: 451 later\n\0"),
        ("RCPT for good", b"220 hi\r\n250 mx\r\n250 ok\r\n550 who?\r\n", [EHLO, MAIL, RCPT, *QUIT],
         b"h127.0.0.9 does not like recipient.\nRemote host said: 550 who?\n\0DGiving up on 127.0.0.9.\n\0"),
        ("RCPT for now", b"220 hi\r\n250 mx\r\n250 ok\r\n450 busy\r\n", [EHLO, MAIL, RCPT, *QUIT],
         b"s127.0.0.9 does not like recipient.\nRemote host said: 450 busy\n\0DGiving up on 127.0.0.9.\n\0"),
        ("DATA for good", b"220 hi\r\n250 mx\r\n250 ok\r\n250 ok\r\n554 no\r\n", [EHLO, MAIL, RCPT, DATA, *QUIT],
         b"r\0D127.0.0.9 failed on DATA command.\nRemote host said: 554 no\n\0"),
        ("DATA for now", b"220 hi\r\n250 mx\r\n250 ok\r\n250 ok\r\n451 no\r\n", [EHLO, MAIL, RCPT, DATA, *QUIT],
         b"r\0Z127.0.0.9 failed on DATA command.\nRemote host said: 451 no\n\0"),
        ("the message for good", b"220 hi\r\n250 mx\r\n250 ok\r\n250 ok\r\n354 go\r\n554 spam\r\n", [EHLO, MAIL, RCPT, DATA, *QUIT],
         b"r\0D127.0.0.9 failed after I sent the message.\nRemote host said: 554 spam\n\0"),
        ("the message for now", b"220 hi\r\n250 mx\r\n250 ok\r\n250 ok\r\n354 go\r\n452 full\r\n", [EHLO, MAIL, RCPT, DATA, *QUIT],
         b"r\0Z127.0.0.9 failed after I sent the message.\nRemote host said: 452 full\n\0"),
    ],
)  # fmt: skip
def test_it_reports_a_refusal_of(why: str, said: bytes, sent: list[bytes], report: bytes) -> None:
    was_sent, was_reported, step = play(session(), said)
    assert (was_sent, was_reported) == (sent, report), why
    assert step.act is Act.CLOSE


@pytest.mark.parametrize(
    ("why", "said", "sent", "report"),
    [
        ("MAIL is refused, and DATA with it", b"550 spam\r\n503 first\r\n503 first\r\n503 first\r\n", QUIT,
         b"DConnected to 127.0.0.9 but sender was rejected.\nRemote host said: 550 spam\n\0"),
        ("MAIL is refused, but a message is asked for", b"550 spam\r\n503 x\r\n503 x\r\n354 go\r\n554 no\r\n", [b".\r\n", *QUIT],
         b"DConnected to 127.0.0.9 but sender was rejected.\nRemote host said: 550 spam\n\0"),
        ("nobody is accepted, but a message is asked for", b"250 ok\r\n550 a\r\n450 b\r\n354 go\r\n250 ok\r\n", [b".\r\n", *QUIT],
         b"h127.0.0.9 does not like recipient.\nRemote host said: 550 a\n\0s127.0.0.9 does not like recipient.\nRemote host said: 450 b\n\0"
         b"DGiving up on 127.0.0.9.\n\0"),
        ("one of two is accepted", b"250 ok\r\n550 a\r\n250 b\r\n354 go\r\n250 done\r\n", [],
         b"h127.0.0.9 does not like recipient.\nRemote host said: 550 a\n\0"
         b"r\0K127.0.0.9 accepted message.\nRemote host said: 250 done\n\0"),
        ("all are accepted, DATA is refused", b"250 ok\r\n250 a\r\n250 b\r\n451 no\r\n", QUIT,
         b"r\0r\0Z127.0.0.9 failed on DATA command.\nRemote host said: 451 no\n\0"),
    ],
)  # fmt: skip
def test_replies_to_commands_sent_together_keep_their_places(why: str, said: bytes, sent: list[bytes], report: bytes) -> None:
    start = session(envelope=Envelope(b"s@x.test", TWO))
    was_sent, was_reported, _ = play(start, b"220 hi\r\n" + PIPELINING + said)
    assert (was_sent[2:], was_reported) == (sent, report), why


def test_a_garbled_reply_is_temporary_and_ends_it() -> None:
    sent, report, step = play(session(), b"220 hi\r\n250 mx\r\nwhat\r\n")
    assert sent == [EHLO, MAIL]
    assert report == b"ZConnected to 127.0.0.9 but it does not speak SMTP. (#4.5.0)\nRemote host said: what\n\0"
    assert step.act is Act.CLOSE


def test_a_garbled_reply_to_the_message_warns_of_a_duplicate() -> None:
    _, report, _ = play(session(), b"220 hi\r\n250 mx\r\n250 ok\r\n250 ok\r\n354 go\r\nwhat\r\n")
    assert report.endswith(
        b"\0ZConnected to 127.0.0.9 but it does not speak SMTP. Possible duplicate! (#4.5.0)\nRemote host said: what\n\0"
    )


OFFER = b"220 hi\r\n250-mx\r\n250 STARTTLS\r\n"
STARTTLS = b"STARTTLS\r\n"


@pytest.mark.parametrize(
    ("why", "tls", "said", "sent", "act"),
    [
        ("offered", Tls.OFFERED, OFFER + b"220 go\r\n", [EHLO, STARTTLS], Act.START_TLS),
        ("offered to one who never uses it", Tls.NEVER, OFFER, [EHLO, MAIL], None),
        ("offered, but not ready: go on without", Tls.OFFERED, OFFER + b"454 no\r\n", [EHLO, STARTTLS, MAIL], None),
        ("required", Tls.REQUIRED, OFFER + b"220 go\r\n", [EHLO, STARTTLS], Act.START_TLS),
        ("required, but not ready", Tls.REQUIRED, OFFER + b"454 no\r\n", [EHLO, STARTTLS, *QUIT], Act.CLOSE),
        ("required, but not offered", Tls.REQUIRED, b"220 hi\r\n250 mx\r\n", [EHLO, *QUIT], Act.CLOSE),
        ("required, but only HELO is known", Tls.REQUIRED, b"220 hi\r\n500 x\r\n250 mx\r\n", [EHLO, HELO, *QUIT], Act.CLOSE),
    ],
)  # fmt: skip
def test_tls(why: str, tls: Tls, said: bytes, sent: list[bytes], act: Act | None) -> None:
    was_sent, report, step = play(session(tls=tls), said)
    assert (was_sent, step.act) == (sent, act), why
    if act is Act.CLOSE:
        assert report.startswith(b"ZConnected to 127.0.0.9 but no TLS achieved while control/tlshosts/mx.dest.test.pem exists: ")


def test_after_the_handshake_nothing_said_before_counts() -> None:
    _, _, step = play(session(tls=Tls.OFFERED), b"220 hi\r\n250-mx\r\n250-SIZE\r\n250 STARTTLS\r\n220 go\r\n")
    step = steps.tls_started(step.session)
    assert step.send == EHLO
    sent, _, step = play(step, b"250-mx\r\n250 STARTTLS\r\n")
    assert sent == [EHLO, MAIL], "no SIZE, and no second STARTTLS"
    assert step.session.is_tls


def kept(said: bytes = b"220 hi\r\n250 mx\r\n250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n") -> Session:
    _, _, step = play(session(), said)
    assert step.act is Act.KEEP
    return step.session


AGAIN = Envelope(b"t@x.test", (b"w@dest.test",))


def test_a_kept_connection_begins_anew() -> None:
    sent, report, step = play(steps.again(kept(), AGAIN, Facts(1, has_8bit=False)), b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 two\r\n")
    assert sent == [b"RSET\r\n", b"MAIL FROM:<t@x.test>\r\n", b"RCPT TO:<w@dest.test>\r\n", b"DATA\r\n"]
    assert report == b"r\0K127.0.0.9 accepted message.\nRemote host said: 250 two\n\0"
    assert step.act is Act.KEEP


@pytest.mark.parametrize(
    ("why", "said", "act"),
    [
        ("RSET brings 421", b"421 too long idle\r\n", Act.REPLACE),
        ("RSET is not known", b"502 x\r\n", Act.REPLACE),
        ("MAIL is too much for this connection", b"250 ok\r\n452 too many messages\r\n", Act.REPLACE),
        ("the sender is refused for good", b"250 ok\r\n550 spam\r\n", Act.CLOSE),
    ],
)
def test_a_kept_connection_that_will_not_go_on_is_replaced(why: str, said: bytes, act: Act) -> None:
    _, report, step = play(steps.again(kept(), AGAIN, Facts(1, has_8bit=False)), said)
    assert step.act is act, why
    assert (report == b"") == (act is Act.REPLACE)


def test_a_kept_connection_is_untouched_until_mail_is_answered() -> None:
    together = kept(b"220 hi\r\n" + PIPELINING + b"250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n")
    for start in (kept(), together):
        step = steps.again(start, AGAIN, Facts(1, has_8bit=False))
        assert steps.is_untouched(step.session)
        _, _, step = play(step, b"250 ok\r\n")
        assert steps.is_untouched(step.session)
        _, _, step = play(step, b"250 ok\r\n")
        assert not steps.is_untouched(step.session)


def test_the_end_of_a_connection_is_reported_once() -> None:
    assert steps.died(session()) == b"ZConnected to 127.0.0.9 but connection died. (#4.4.2)\n\0"
    assert steps.died(steps.end_sent(session())) == b"ZConnected to 127.0.0.9 but connection died. Possible duplicate! (#4.4.2)\n\0"
    assert steps.died(session(is_settled=True)) == b""


REPLY = st.sampled_from(
    [b"220 x\r\n", b"250 x\r\n", b"250-x\r\n250 PIPELINING\r\n", b"354 x\r\n", b"421 x\r\n", b"451 x\r\n", b"550 x\r\n", b"x\r\n"]
)


@given(st.lists(REPLY, max_size=14), st.integers(1, 3), st.booleans())
def test_whatever_a_server_says_there_is_one_verdict(said: list[bytes], recipients: int, is_reused: bool) -> None:
    envelope = Envelope(b"s@x.test", tuple(b"u%d@dest.test" % i for i in range(recipients)))
    start = steps.again(session(), envelope, Facts(1, has_8bit=False)) if is_reused else Step(session(envelope=envelope))
    sent, report, step = start.send, b"", start
    for one in said:
        if step.act is Act.SEND_MESSAGE:
            step = Step(steps.end_sent(step.session))
        elif step.act is not None:
            break
        replies = Replies()
        replies.feed(one)
        reply = replies.next()
        assert reply is not None
        step = steps.take(step.session, reply)
        sent += step.send
        report += step.report
    letters = [r[:1] for r in report.split(b"\0")[:-1]]
    verdicts = [x for x in letters if x in (b"K", b"Z", b"D")]
    assert len(verdicts) <= 1
    assert len(verdicts) == step.session.is_settled
    assert letters[len(letters) - len(verdicts) :] == verdicts, "the verdict comes last"
    assert (step.act is Act.KEEP) == (verdicts == [b"K"])
    assert sent.count(b"DATA\r\n") <= 1
