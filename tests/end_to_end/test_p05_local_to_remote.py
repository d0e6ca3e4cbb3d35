"""From joe to somebody at another host (qmail's PIC.local2rem)."""

from __future__ import annotations

from tests.end_to_end.conftest import Heaven
from tests.support.smtp_sink import SmtpSink


def test_p05_local_to_remote(heaven: Heaven) -> None:
    m = heaven.m
    heaven.dns.zone["far.example"] = {"MX": ["10 mx.far.example."]}
    heaven.dns.zone["mx.far.example"] = {"A": ["127.0.0.2"]}
    with SmtpSink(ip="127.0.0.2") as far:
        m.control(smtproutes=f"far.example::{far.port}")  # no relay: by MX, as ever, but on a port that a test may have
        m.start("queue-writer", later=("qmail-send",))
        m.inject("To: bill@far.example\n\n.Hi.\n", user="joe")
        ((number, _),) = m.queued("todo").items()
        message = m.queued("mess")[number]

        # qmail-send: in control/locals? No. In control/virtualdomains? No. So the delivery is remote.
        m.up("qmail-send")
        delivery = m.logged(rf"^starting delivery (\d+): msg {number} to remote bill@far\.example$")

        # qmail-remote: who takes mail for far.example? It asks the name server, connects, and says it all with CRs and doubled dots.
        far.wait(messages=1)
        assert ("far.example", "MX") in heaven.dns.queries
        (received,) = far.messages
        assert (received.sender.partition(b" ")[0], received.recipients) == (b"<joe@heaven.example.org>", [b"<bill@far.example>"])
        assert received.data == message.replace(b"\n.Hi.\n", b"\n..Hi.\n").replace(b"\n", b"\r\n") + b".\r\n"
        assert b"EHLO heaven.example.org" in far.connections[0].commands

        # qmail-send: the far side has said 250; it is theirs now.
        m.logged(rf"^delivery {delivery}: success: 127\.0\.0\.2_accepted_message\./Remote_host_said:_250_")
        m.logged(rf"^end msg {number}$")
        m.until_idle()
