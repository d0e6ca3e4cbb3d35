"""From a stranger, through us, to another host: it may not (qmail's PIC.relaybad)."""

from __future__ import annotations

from tests.end_to_end.conftest import Heaven
from tests.support.smtp_client import Dialog


def test_p08_relay_bad(heaven: Heaven) -> None:
    m = heaven.m
    m.start("smtpd", "queue-writer", "qmail-send")

    # smtpd: the rules say nothing of RELAYCLIENT for this client. Is far.example in rcpthosts? No.
    with Dialog(m.e.smtp_port) as stranger:
        stranger.say("HELO bulk.example")
        assert stranger.say("MAIL FROM:<spammer@bulk.example>") == "250 ok"
        assert stranger.say("RCPT TO:<bill@far.example>") == "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"
        assert stranger.say("RCPT TO:<bill%far.example@bulk.example>").startswith("553 ")
        assert stranger.say("DATA").startswith("503 ")
        # ... and mail for our own people? That is another matter, whoever brings it.
        assert stranger.say("RCPT TO:<fred@heaven.example.org>") == "250 ok"
        assert stranger.say("QUIT") == "221 heaven.example.org"

    # Nothing came to the queue, and the log says why.
    assert m.is_idle()
    m.logged(r"^smtpd: deny: 127\.0\.0\.1: from <spammer@bulk\.example>: RCPT_TO:<bill@far\.example>: 553_", "smtpd")
    assert "new msg" not in m.log()
