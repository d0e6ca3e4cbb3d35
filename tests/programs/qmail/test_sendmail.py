"""sendmail: options of the world, programs of ours. Conformance cases I19-I21."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support import queue_program
from tests.support.call import Result, process
from tests.support.qmail_home import QmailHome

USAGE = b"sendmail: usage: sendmail [ -t ] [ -fsender ] [ -Fname ] [ -bp ] [ -bs ] [ arg ... ]\n"
# Stands in for the program that sendmail becomes: says its name, arguments and the variables that matter, then copies its input.
SPY = """#!/bin/sh
echo "$0" "$#" "$@"
echo "$PWD"
env | grep -E "^(QMAIL(USER|HOST|NAME)|MAIL(NAME|HOST)|NAME|RELAYCLIENT|DATABYTES|PROTO|TCP.*|QMAIL_ARGV0)=" | LC_ALL=C sort
echo --
cat
"""


class Sendmail:
    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "bin").mkdir(parents=True)
        (home / "control").mkdir()
        (home / "control" / "me").write_text("host.example.org\n")
        for name in ("qmail-inject", "qmail-qread", "qmail-smtpd"):
            self.install(name, SPY)

    def install(self, name: str, text: str) -> None:
        (self.home / "bin" / name).write_text(text)
        (self.home / "bin" / name).chmod(0o755)

    def run(self, *argv: bytes, stdin: bytes = b"", **env: bytes) -> Result:
        base = {b"QMAIL_HOME": os.fsencode(self.home), b"PATH": b"/usr/bin:/bin"}
        return process("sendmail", list(argv), {**base, **{k.encode(): v for k, v in env.items()}}, stdin)

    def became(self, *argv: bytes, **env: bytes) -> tuple[bytes, list[bytes]]:
        """-> (its command line, its variables)"""
        result = self.run(*argv, stdin=b"in\n", **env)
        assert (result.code, result.err) == (0, b"")
        command, place, *variables = result.out.removesuffix(b"--\nin\n").splitlines()
        assert os.fsdecode(place) == str(self.home)
        return command, variables


@pytest.fixture
def sendmail(tmp_path: Path) -> Sendmail:
    return Sendmail(tmp_path / "home")


@pytest.mark.parametrize(
    ("why", "argv", "command"),
    [
        ("nothing: operands, of which there are none", (), b"bin/qmail-inject 2 -a --"),
        ("operands", (b"a@b", b"c"), b"bin/qmail-inject 4 -a -- a@b c"),
        ("recipients from the header too", (b"-t", b"a"), b"bin/qmail-inject 3 -H -- a"),
        (
            "what others ask for and we need not",
            (b"-oi", b"-i", b"-v", b"-m", b"-x", b"-em", b"-bm", b"-pSMTP", b"-B8BITMIME", b"a"),
            b"bin/qmail-inject 3 -a -- a",
        ),
        ("with their arguments apart", (b"-o", b"i", b"-e", b"p", b"-B", b"7BIT", b"a"), b"bin/qmail-inject 3 -a -- a"),
        ("optional arguments", (b"-E", b"-Jxyz", b"a"), b"bin/qmail-inject 3 -a -- a"),
        ("a group", (b"-tie", b"m", b"a"), b"bin/qmail-inject 3 -H -- a"),
        ("what looks like an option and is an operand", (b"--", b"-t"), b"bin/qmail-inject 3 -a -- -t"),
        ("options behind operands are operands", (b"a", b"-t"), b"bin/qmail-inject 4 -a -- a -t"),
        ("the queue", (b"-bp",), b"bin/qmail-qread 0"),
        ("at once, whatever follows", (b"-bp", b"-q"), b"bin/qmail-qread 0"),
    ],
)
def test_it_becomes_the_right_program(sendmail: Sendmail, why: str, argv: tuple[bytes, ...], command: bytes) -> None:
    assert sendmail.became(*argv) == (command, []), why


def test_a_sender_is_passed_on(sendmail: Sendmail) -> None:
    assert sendmail.became(b"-tifs", b"a")[0] == b"bin/qmail-inject 5 -H -f s -- a"


@pytest.mark.parametrize(
    ("why", "argv", "env", "variables"),
    [
        ("a name", (b"-FFull Name",), {}, [b"MAILNAME=Full Name"]),
        ("a sender with a host", (b"-fsnd@h.x",), {}, [b"QMAILHOST=h.x", b"QMAILUSER=snd"]),
        ("the last at sign parts it", (b"-fa@b@h.x",), {}, [b"QMAILHOST=h.x", b"QMAILUSER=a@b"]),
        ("a sender without", (b"-fsnd",), {}, [b"QMAILUSER=snd"]),
        ("the null sender", (b"-f", b""), {}, [b"QMAILUSER="]),
        (
            "a sender makes earlier names and hosts void",
            (b"-fsnd", b"-FName"),
            {"NAME": b"n", "MAILNAME": b"m", "QMAILNAME": b"q", "MAILHOST": b"h", "QMAILHOST": b"i"},
            [b"QMAILUSER=snd"],
        ),
        ("without one they stay", (), {"NAME": b"n", "QMAILHOST": b"i"}, [b"NAME=n", b"QMAILHOST=i"]),
    ],
)
def test_sender_and_name_go_through_the_environment(
    sendmail: Sendmail, why: str, argv: tuple[bytes, ...], env: dict[str, bytes], variables: list[bytes]
) -> None:
    assert sendmail.became(*argv, **env)[1] == variables, why


def test_i20_it_speaks_smtp_as_a_local_client_that_may_relay(sendmail: Sendmail) -> None:
    command, variables = sendmail.became(b"-bs")
    assert command == b"bin/qmail-smtpd 0"
    assert variables == [
        b"DATABYTES=0",
        b"PROTO=TCP",
        b"RELAYCLIENT=",
        b"TCPLOCALHOST=localhost",
        b"TCPLOCALIP=127.0.0.1",
        b"TCPREMOTEHOST=localhost",
        b"TCPREMOTEINFO=sendmail-bs",
        b"TCPREMOTEIP=127.0.0.1",
    ]


def test_what_it_becomes_may_be_stopped_by_a_pipe_as_usual(sendmail: Sendmail) -> None:
    sendmail.install("qmail-qread", "#!/bin/sh\ngrep SigIgn /proc/$$/status\n")
    ignored = int(sendmail.run(b"-bp").out.split()[1], 16)
    assert not ignored & 1 << (signal.SIGPIPE - 1)


def test_under_a_server_it_speaks_smtp_with_the_server_s_own_variables(sendmail: Sendmail) -> None:
    assert sendmail.became(b"-bs", PROTO=b"TCP", TCPREMOTEIP=b"192.0.2.1")[1] == [b"PROTO=TCP", b"TCPREMOTEIP=192.0.2.1"]


@pytest.mark.parametrize(
    ("why", "argv", "err"),
    [
        ("I21: no queue runs by hand", (b"-q",), b"sendmail: illegal option -- q\n" + USAGE),
        ("a mode we have not", (b"-bd",), USAGE),
        ("no mode", (b"-b", b""), USAGE),
        ("an argument missing", (b"-f",), b"sendmail: option requires an argument -- f\n" + USAGE),
    ],
)
def test_it_refuses_what_it_cannot_do(sendmail: Sendmail, why: str, argv: tuple[bytes, ...], err: bytes) -> None:
    assert sendmail.run(*argv) == Result(100, b"", err), why


@pytest.mark.parametrize(("argv", "command"), [((), b"bin/qmail-qread 0"), ((b"-v",), b"bin/qmail-qread 0")])
def test_as_mailq_it_lists_the_queue(sendmail: Sendmail, argv: tuple[bytes, ...], command: bytes) -> None:
    assert sendmail.became(*argv, QMAIL_ARGV0=b"/usr/bin/mailq") == (command, [])


def test_as_newaliases_it_is_that_program(sendmail: Sendmail) -> None:
    sendmail.install("newaliases", SPY)
    assert sendmail.became(b"-v", QMAIL_ARGV0=b"/usr/bin/newaliases") == (b"bin/newaliases 0", [])


def test_complaints_bear_the_name_it_goes_by(sendmail: Sendmail) -> None:
    assert sendmail.run(b"-q", QMAIL_ARGV0=b"/usr/bin/mailq").err == b"mailq: illegal option -- q\n" + USAGE


@pytest.mark.parametrize(("argv", "name"), [((b"-bp",), b"qmail-qread"), ((b"-bs",), b"qmail-smtpd")])
def test_a_missing_program_is_a_reason_to_try_again(sendmail: Sendmail, argv: tuple[bytes, ...], name: bytes) -> None:
    (sendmail.home / "bin" / os.fsdecode(name)).unlink()
    assert sendmail.run(*argv) == Result(111, b"", b"sendmail: fatal: unable to run %b\n" % name)


def test_a_program_that_is_not_ours_and_cannot_be_run_is_one_too(sendmail: Sendmail) -> None:
    (sendmail.home / "bin/qmail-inject").chmod(0o644)
    result = sendmail.run(b"a@b.c")
    assert result == Result(111, b"", b"sendmail: fatal: unable to run qmail-inject\n")


def test_without_its_home_it_asks_to_try_again(sendmail: Sendmail) -> None:
    assert sendmail.run(QMAIL_HOME=b"/nowhere") == Result(111, b"", b"sendmail: fatal: unable to switch to qmail home directory\n")


def ours(home: Path, name: str) -> str:
    return (
        f"#!{os.path.realpath(sys.executable)} -IS\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        f"from mta import runner\nrunner.run({name!r}, {os.fsencode(home)!r})\n"
    )


def test_i19_with_our_own_programs_a_message_is_queued(sendmail: Sendmail) -> None:
    """The name of -F is lost, as ever. Our own qmail-inject needs no second process: without execute permission it runs all the same."""
    for name in ("sendmail", "qmail-inject"):
        sendmail.install(name, ours(sendmail.home, name))
    (sendmail.home / "bin" / "qmail-inject").chmod(0o644)
    queue = queue_program.make(sendmail.home / "kept")
    env = {b"QMAIL_HOME": os.fsencode(sendmail.home), b"QMAILQUEUE": queue.path, b"NAME": b"Old Name"}
    command = [sendmail.home / "bin" / "sendmail", "-t", "-f", "snd@h.x", "-FFull Name"]
    done = subprocess.run(command, input=b"To: a@b.c\nSubject: s\n\nbody\n", env=env, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    ((text, envelope),) = queue.queued()
    assert text.split(b"\n", 2)[2] == b"From: snd@h.x\nTo: a@b.c\nSubject: s\n\nbody\n"
    assert envelope == b"Fsnd@h.x\0Ta@b.c\0\0"


def test_i20_a_session_of_our_own_smtp_program_bears_its_mark(sendmail: Sendmail) -> None:
    """RELAYCLIENT is set: without rcpthosts a stranger would hear 421."""
    sendmail.install("qmail-smtpd", ours(sendmail.home, "qmail-smtpd"))
    queue = queue_program.make(sendmail.home / "kept")
    said = b"".join(
        line + b"\r\n"
        for line in (b"HELO x", b"MAIL FROM:<a@b.c>", b"RCPT TO:<d@e.f>", b"DATA", b"Subject: s", b"", b"hello", b".", b"QUIT")
    )
    result = sendmail.run(b"-bs", stdin=said, QMAILQUEUE=queue.path)
    assert (result.code, result.err) == (0, b"")
    ((text, envelope),) = queue.queued()
    received, message = text.split(b";", 1)
    assert received == b"Received: from localhost (HELO x) (sendmail-bs@127.0.0.1)\n  by localhost with SMTP"
    assert message.endswith(b" -0000\nSubject: s\n\nhello\n")
    assert envelope == b"Fa@b.c\0Td@e.f\0\0"


def test_mailq_lists_the_queue_with_our_own_program(tmp_path: Path) -> None:
    home = QmailHome(tmp_path / "home")
    messnum = home.preprocessed(b"x\n", b"a@b.c", local=(b"d@e.f",))
    (home.path / "bin/qmail-qread").write_text(ours(home.path, "qmail-qread"))
    (home.path / "bin/qmail-qread").chmod(0o755)
    result = process("sendmail", [], {b"QMAIL_HOME": home.home, b"QMAIL_ARGV0": b"mailq"})
    assert (result.code, result.err) == (0, b"")
    assert b"  #%d  2  <a@b.c> \n\tlocal\td@e.f\n" % messnum in result.out
