"""From somebody at another host to fred (qmail's PIC.rem2local)."""

from __future__ import annotations

import re

from tests.end_to_end.conftest import Heaven
from tests.support.smtp_client import Dialog


def test_p06_remote_to_local(heaven: Heaven) -> None:
    m = heaven.m
    m.start("smtpd", "queue-writer", later=("qmail-send",))

    # smtpd: is heaven.example.org in control/rcpthosts? Yes. The message goes to the queue writer, with a line about where it came from.
    with Dialog(m.e.smtp_port) as far:
        assert far.greeting == b"220 heaven.example.org ESMTP\r\n"
        assert far.say("HELO mx.far.example") == "250 heaven.example.org"
        assert far.say("MAIL FROM:<bill@far.example>") == "250 ok"
        assert far.say("RCPT TO:<fred@heaven.example.org>") == "250 ok"
        assert far.say("DATA").startswith("354 ")
        far.send(b"Subject: hello\r\n\r\nHi.\r\n..dot\r\n.\r\n")
        qp = re.fullmatch(rb"250 ok \d+ qp (\d+)\r\n", far.reply())
        assert qp is not None
    ((number, envelope),) = m.queued("todo").items()
    assert envelope.endswith(b"Fbill@far.example\0Tfred@heaven.example.org\0")
    message = m.queued("mess")[number]
    by_us = rb"Received: from unknown \(HELO mx\.far\.example\) \(127\.0\.0\.1\)\n  by heaven\.example\.org with SMTP; .* -0000\n"
    assert re.fullmatch(rb"Received: \(qmail %b invoked .*\); .* -0000\n" % qp[1] + by_us + rb"Subject: hello\n\nHi\.\n\.dot\n", message)

    # qmail-send, qmail-lspawn, qmail-local: as if it had come from here.
    m.up("qmail-send")
    m.logged(rf"^info msg {number}: bytes {len(message)} from <bill@far\.example> qp {int(qp[1])} uid \d+$")
    (delivered,) = m.mail(heaven.fred / "Maildir")
    assert delivered == b"Return-Path: <bill@far.example>\nDelivered-To: fred@heaven.example.org\n" + message
    m.until_idle()
