"""From joe to anybody, on a machine that keeps no mail and gives all of it to its hub (qmail's PIC.nullclient)."""

from __future__ import annotations

from tests.end_to_end.conftest import Heaven
from tests.support.smtp_sink import SmtpSink


def test_p09_null_client(heaven: Heaven) -> None:
    m = heaven.m
    with SmtpSink(ip="127.0.0.2") as hub:
        # nothing is local, everything has one route, and what users write looks like mail of the whole organisation
        m.control(locals="", smtproutes=f":127.0.0.2:{hub.port}", defaulthost="example.org")
        m.start("queue-writer", later=("qmail-send",))
        m.inject("To: fred, bill@far.example\n\nHi.\n", user="joe")
        ((number, envelope),) = m.queued("todo").items()
        assert envelope.endswith(b"Fjoe@example.org\0Tbill@far.example\0Tfred@example.org\0")
        message = m.queued("mess")[number]
        assert b"\nFrom: joe@example.org\nTo: fred@example.org, bill@far.example\n" in message

        # qmail-send: is either host in control/locals? It is empty. So fred is as remote as bill.
        m.up("qmail-send")
        m.logged(rf"^starting delivery \d+: msg {number} to remote fred@example\.org$")
        m.logged(rf"^starting delivery \d+: msg {number} to remote bill@far\.example$")

        # qmail-remote: control/smtproutes has a line for all hosts; no name server is asked. The hub may get one copy for both, or two.
        m.until_idle()
        assert {r for m_ in hub.messages for r in m_.recipients} == {b"<fred@example.org>", b"<bill@far.example>"}
        assert {m_.data for m_ in hub.messages} == {message.replace(b"\n", b"\r\n") + b".\r\n"}
        assert heaven.dns.queries == []
        assert list((heaven.fred / "Maildir/new").iterdir()) == []
