from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mta.unix import interfaces
from tests.conftest import ROOT
from tests.programs.qmail import remote_home
from tests.support.call import Result, call
from tests.support.dns_server import DnsServer
from tests.support.qmail_home import QmailHome
from tests.support.smtp_sink import SmtpSink, unreachable

MESSAGE = b"Subject: t\n\nbody\n"
TO_ONE = [b"dest.test", b"s@x.test", b"u@dest.test"]
ACCEPTED = b"r\0K127.0.0.1 accepted message.\nRemote host said: 250 queued\n\0"


def run(home: QmailHome, argv: list[bytes], message: bytes = MESSAGE, **env: bytes) -> Result:
    return call("qmail-remote", argv, remote_home.environment(home, **env), message)


def test_it_sends_reports_and_exits_0(tmp_path: Path) -> None:
    with SmtpSink() as sink:
        home = remote_home.make(tmp_path, smtproutes=f":127.0.0.1:{sink.port}")
        assert run(home, TO_ONE) == Result(0, ACCEPTED, b"")
        sink.wait(over=1)
    assert sink.messages[0].data == b"Subject: t\r\n\r\nbody\r\n.\r\n"
    assert sink.connections[0].commands == [b"EHLO me.test", b"MAIL FROM:<s@x.test>", b"RCPT TO:<u@dest.test>", b"DATA", b"QUIT"]


def test_it_is_a_program_of_its_own(tmp_path: Path) -> None:
    with SmtpSink() as sink:
        home = remote_home.make(tmp_path, smtproutes=f":127.0.0.1:{sink.port}", helohost="helo.test")
        process = subprocess.run(
            [sys.executable, "-m", "mta", "qmail-remote", *TO_ONE],
            cwd=ROOT,
            env=remote_home.environment(home),
            input=MESSAGE,
            capture_output=True,
            check=False,
        )
        sink.wait(over=1)
    assert (process.returncode, process.stdout, process.stderr) == (0, ACCEPTED, b"")
    assert sink.connections[0].commands[0] == b"EHLO helo.test"
    assert sink.connections[0].commands[-1] == b"QUIT"


@pytest.mark.parametrize("argv", [[], TO_ONE[:1], TO_ONE[:2]])
def test_it_wants_host_sender_and_a_recipient(argv: list[bytes], tmp_path: Path) -> None:
    report = b"DI (qmail-remote) was invoked improperly. (#5.3.5)\n\0"
    assert run(remote_home.make(tmp_path), argv) == Result(0, report, b"")


def test_it_wants_a_name_for_itself(tmp_path: Path) -> None:
    home = remote_home.make(tmp_path)
    (home.path / "control/me").unlink()
    assert run(home, TO_ONE) == Result(0, b"ZUnable to read control files. (#4.3.0)\n\0", b"")


def test_it_wants_a_home(tmp_path: Path) -> None:
    home = remote_home.make(tmp_path)
    (home.path / "control").rename(home.path / "control.away")
    assert run(home, TO_ONE).out == b"ZUnable to read control files. (#4.3.0)\n\0"
    home.path.rename(tmp_path / "away")
    assert run(home, TO_ONE).out == b"ZUnable to switch to home directory. (#4.3.0)\n\0"


def test_control_files_that_cannot_be_read_defer(tmp_path: Path) -> None:
    home = remote_home.make(tmp_path)
    (home.path / "control/smtproutes").mkdir()
    assert run(home, TO_ONE).out == b"ZUnable to read control files. (#4.3.0)\n\0"


def test_names_are_looked_up_and_our_own_addresses_left_out(tmp_path: Path) -> None:
    zone = {"dest.test": {"MX": ["10 [127.0.0.2]."]}, "loop.test": {"MX": ["10 [127.0.0.1]."]}}
    assert "127.0.0.1" in interfaces.own_addresses()
    with SmtpSink(ip="127.0.0.2") as sink, DnsServer(zone) as dns:
        home = remote_home.make(tmp_path, smtproutes=f"::{sink.port}")
        assert run(home, TO_ONE, DNSCACHEIP=dns.dnscacheip).out.startswith(b"r\0K127.0.0.2 accepted message.\n")
        looping = run(home, [b"loop.test", b"s@x.test", b"u@loop.test"], DNSCACHEIP=dns.dnscacheip)
        unknown = run(home, [b"no.test", b"s@x.test", b"u@no.test"], DNSCACHEIP=dns.dnscacheip)
    assert looping.out.startswith(b"DSorry. Although I'm listed as a best-preference MX or A for that host,\nit isn't in my control/locals")
    assert unknown.out == b"DSorry, I couldn't find any host named no.test. (#5.1.2)\n\0"


def test_several_recipients_in_one_go(tmp_path: Path) -> None:
    with SmtpSink(replies={"RCPT": [b"250 ok\r\n", b"550 no\r\n"]}) as sink:
        home = remote_home.make(tmp_path, smtproutes=f":127.0.0.1:{sink.port}")
        said = run(home, [*TO_ONE, b"v@dest.test"]).out
    assert said.split(b"\0")[:2] == [b"r", b"h127.0.0.1 does not like recipient.\nRemote host said: 550 no\n"]


def test_a_time_out_while_connecting_is_written_down(tmp_path: Path) -> None:
    with unreachable() as (ip, port):
        home = remote_home.make(tmp_path, smtproutes=f":{ip}:{port}", timeoutconnect="1")
        assert run(home, TO_ONE).out == b"ZSorry, I wasn't able to establish an SMTP connection. (#4.4.1)\n\0"
    assert (home.queue / "lock/tcpto").read_bytes()[:5] == b"\x7f\0\0\1\1"


def test_the_message_is_read_from_where_the_descriptor_stands(tmp_path: Path) -> None:
    """As the original reads it: a wrapper may have taken the first lines."""
    with SmtpSink() as sink:
        home = remote_home.make(tmp_path, smtproutes=f":127.0.0.1:{sink.port}")
        path = tmp_path / "message"
        path.write_bytes(b"taken\n" + MESSAGE)
        with path.open("rb", buffering=0) as file:
            os.lseek(file.fileno(), 6, os.SEEK_SET)
            process = subprocess.run(
                [sys.executable, "-m", "mta", "qmail-remote", *TO_ONE],
                cwd=ROOT,
                env=remote_home.environment(home),
                stdin=file,
                capture_output=True,
                check=False,
            )
        sink.wait(messages=1)
    assert process.stdout == ACCEPTED
    assert sink.messages[0].data == b"Subject: t\r\n\r\nbody\r\n.\r\n"
