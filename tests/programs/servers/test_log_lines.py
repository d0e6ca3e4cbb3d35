"""What the servers log is what formats/serverlog reads: every line of theirs is an event."""

from __future__ import annotations

from pathlib import Path

import pytest

from mta.errors import Permanent
from mta.formats import serverlog
from mta.formats.serverlog import Login, Note, Queued, Refused
from mta.unix import login
from tests.support import unprivileged
from tests.support.mail_site import PASSWORD, Site
from tests.support.process import free_port, running
from tests.support.qmail_home import QmailHome
from tests.support.smtp_client import Dialog


def test_lines_of_smtpd(tmp_path: Path) -> None:
    home = QmailHome(tmp_path / "q")
    home.control(rcpthosts="host.example.org")
    port = free_port()
    with running(home.path, "queue-writer"), running(home.path, "smtpd", "--listen", f"127.0.0.1:{port}") as process:
        with Dialog(port) as d:
            d.say("EHLO me and my dog")
            d.say("MAIL FROM:<ada@far.example>")
            d.say("RCPT TO:<joe@elsewhere.example>")
            d.say("RCPT TO:<joe@host.example.org>")
            d.say("DATA")
            d.send(b"x\r\n.\r\n")
            d.reply()
            d.say("NONSENSE é\x1b[0m")
            d.send(b"QUIT\n")
        process.wait_said("newline without carriage return in a command")
        lines = process.said().encode().splitlines()
    events = [serverlog.read(line) for line in lines]
    assert None not in events, lines
    ok = next(event for event in events if isinstance(event, Queued))
    assert (ok.program, ok.ip, ok.sender, ok.size_bytes, ok.recipients) == (b"smtpd", b"127.0.0.1", b"ada@far.example", 2, 1)
    assert (b" " not in ok.helo, ok.protocol, ok.user) == (True, b"SMTP", b"")
    refused = [event for event in events if isinstance(event, Refused)]
    assert serverlog.recipient(refused[0]) == b"joe@elsewhere.example"
    assert refused[0].reply.startswith(b"553_")
    assert [event.command[:8] for event in refused] == [b"RCPT_TO:", b"NONSENSE", b""]
    assert refused[-1].why == b"newline without carriage return in a command"


def test_lines_of_the_login_broker() -> None:
    with unprivileged.folder() as home:
        site = Site(home)
        site.domain("example.org")
        site.mailbox("joe@example.org")
        with site.running("login-broker") as server:
            login.check(site.home_bytes, b"smtp", b"Joe@example.org", PASSWORD, b"192.0.2.1")
            for name in (b"joe@example.org", b"a stranger\x1b"):
                with pytest.raises(Permanent):
                    login.check(site.home_bytes, b"smtp", name, b"wrong", b"2001:db8::1")
            server.wait_for(b"a_stranger")
    events = [serverlog.read(line.rstrip(b"\n")) for line in server.log]
    assert None not in events, server.log
    logins = [event for event in events if isinstance(event, Login)]
    assert [(event.outcome, event.service, event.name, event.ip) for event in logins] == [
        (b"ok", b"smtp", b"joe@example.org", b"192.0.2.1"),
        (b"deny", b"smtp", b"joe@example.org", b"2001:db8::1"),
        (b"deny", b"smtp", b"a_stranger?", b"2001:db8::1"),
    ]
    assert all(isinstance(event, Login) or (isinstance(event, Note) and event.word == b"status") for event in events), events
