"""From a client of ours, through us, to another host: it may (qmail's PIC.relaygood)."""

from __future__ import annotations

from tests.end_to_end.conftest import Heaven
from tests.support.smtp_client import Dialog
from tests.support.smtp_sink import SmtpSink


def test_p07_relay_good(heaven: Heaven) -> None:
    m = heaven.m
    with SmtpSink(ip="127.0.0.2") as far:
        m.control(**{"smtproutes": f"far.example:127.0.0.2:{far.port}", "tcp.smtp": '127.0.0.1:allow,RELAYCLIENT=""\n:allow'})
        rules = m.home / "control/tcp.smtp"
        m.run("tcprules", f"{rules}.cdb", f"{rules}.tmp", given=rules.read_text())
        m.start("smtpd", "queue-writer", "qmail-send")

        # smtpd: who is calling? 127.0.0.1, and the rules say RELAYCLIENT="". Is far.example in rcpthosts? No, but that does not matter now.
        with Dialog(m.e.smtp_port) as client:
            client.say("HELO desk.heaven.example.org")
            client.say("MAIL FROM:<joe@heaven.example.org>")
            assert client.say("RCPT TO:<bill@far.example>") == "250 ok"
            client.say("DATA")
            client.send(b"Subject: out\r\n\r\nHi.\r\n.\r\n")
            assert client.reply().startswith(b"250 ok ")

        # qmail-send: not in locals, not in virtualdomains: remote. qmail-remote: to far.example.
        m.logged(r"^starting delivery \d+: msg \d+ to remote bill@far\.example$")
        far.wait(messages=1)
        assert far.messages[0].recipients == [b"<bill@far.example>"]
        assert far.messages[0].data.endswith(b"\r\nSubject: out\r\n\r\nHi.\r\n.\r\n")
        m.until_idle()
