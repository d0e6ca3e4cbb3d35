"""The lines of our servers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import serverlog
from mta.formats.serverlog import Event, Login, Note, Queued, Refused


@pytest.mark.parametrize(
    ("why", "line", "expected"),
    [
        (
            "a message was queued",
            b"smtpd: ok: 192.0.2.7: qp 4194305 from <joe@x.example> bytes 295 recipients 2 helo mx.x.example ESMTPS",
            Queued(b"smtpd", b"192.0.2.7", 4194305, b"joe@x.example", 295, 2, b"mx.x.example", b"ESMTPS", b""),
        ),
        (
            "from IPv6, a bounce, by somebody who logged in",
            b"submission: ok: 2001:db8::1: qp 7 from <> bytes 0 recipients 1 helo - ESMTPSA as joe@x.example",
            Queued(b"submission", b"2001:db8::1", 7, b"", 0, 1, b"-", b"ESMTPSA", b"joe@x.example"),
        ),
        (
            "a recipient was refused",
            b"smtpd: deny: 192.0.2.7: from <a@b>: RCPT_TO:<c@d>: 553_sorry,_that_domain_isn't_in_my_list_(#5.7.1)",
            Refused(b"smtpd", b"192.0.2.7", b"a@b", b"RCPT_TO:<c@d>", b"553_sorry,_that_domain_isn't_in_my_list_(#5.7.1)", b""),
        ),
        (
            "the queue refused",
            b"smtpd: deny: 192.0.2.7: from <>: queue exit 53: 451_qq_write_error_(#4.3.0)",
            Refused(b"smtpd", b"192.0.2.7", b"", b"queue exit 53", b"451_qq_write_error_(#4.3.0)", b""),
        ),
        (
            "a connection was refused",
            b"smtpd: deny: 192.0.2.7: newline without carriage return in a command",
            Refused(b"smtpd", b"192.0.2.7", b"", b"", b"", b"newline without carriage return in a command"),
        ),
        (
            "TLS failed",
            b"pop3d: deny: 2001:db8::1: TLS: http request",
            Refused(b"pop3d", b"2001:db8::1", b"", b"", b"", b"TLS: http request"),
        ),
        ("a login", b"login-broker: ok pop3 joe@x 192.0.2.7", Login(b"login-broker", b"ok", b"pop3", b"joe@x", b"192.0.2.7", b"")),
        ("none", b"login-broker: deny smtp joe -", Login(b"login-broker", b"deny", b"smtp", b"joe", b"-", b"")),
        (
            "a login nobody could check",
            b"login-broker: warning: pop3 joe@x 192.0.2.7: no answer",
            Login(b"login-broker", b"warning", b"pop3", b"joe@x", b"192.0.2.7", b"no answer"),
        ),
        ("without a name", b"login-broker: deny smtp  -", Login(b"login-broker", b"deny", b"smtp", b"", b"-", b"")),
        ("with a colon, as the others", b"login-broker: deny: smtp joe -", Login(b"login-broker", b"deny", b"smtp", b"joe", b"-", b"")),
        (
            "a warning that is about no login",
            b"login-broker: warning: uid 5 is none of our fronts and was sent away",
            Note(b"login-broker", b"warning", b"uid 5 is none of our fronts and was sent away"),
        ),
        (
            "a warning with two colons",
            b"smtpd: warning: unable to read control/tcp.smtp.cdb: gone",
            Note(b"smtpd", b"warning", b"unable to read control/tcp.smtp.cdb: gone"),
        ),
        ("a program that gives up", b"pop3d: fatal: no port", Note(b"pop3d", b"fatal", b"no port")),
        ("Python's logging", b"celery.worker: ERROR: no broker", Note(b"celery.worker", b"alert", b"no broker")),
        ("a line of a trace", b'  File "x.py", line 3, in main', None),
        ("chatter", b"django.request: INFO: hello", None),
        ("nothing", b"", None),
        ("damaged: half of an ok", b"smtpd: ok: 192.0.2.7: qp 41943", None),
        ("damaged: half of a deny", b"smtpd: deny: 192.0", None),
        ("a number no column can hold", b"smtpd: ok: 1.2.3.4: qp " + b"9" * 30 + b" from <> bytes 1 recipients 1 helo - SMTP", None),
    ],
)
def test_it_reads(why: str, line: bytes, expected: Event | None) -> None:
    assert serverlog.read(line) == expected, why


@pytest.mark.parametrize(
    ("why", "command", "expected"),
    [
        ("as most say it", b"RCPT_TO:<c@d>", b"c@d"),
        ("with a blank, in small letters, with parameters", b"rcpt_to:_<c@d>_NOTIFY=NEVER", b"c@d"),
        ("without brackets", b"RCPT_TO:c@d", b"c@d"),
        ("another command", b"MAIL_FROM:<c@d>", b""),
        ("none", b"", b""),
    ],
)
def test_it_finds_the_recipient_of_a_refusal(why: str, command: bytes, expected: bytes) -> None:
    assert serverlog.recipient(Refused(b"smtpd", b"1.2.3.4", b"", command, b"553", b"")) == expected, why


@given(st.binary(max_size=80) | st.from_regex(rb"(smtpd|login-broker): (ok|deny|warning): .{0,40}", fullmatch=True))
def test_it_never_raises(line: bytes) -> None:
    serverlog.read(line)
