"""setuidgid: who the program then is, and why it may not be."""

from __future__ import annotations

import os
import pwd
import subprocess

import pytest

from tests.support.call import Result, call, command, process
from tests.support.process import ignored_by_us
from tests.support.unprivileged import IS_ROOT, become

ENV = {b"QMAIL_HOME": b"/", b"PATH": b"/usr/bin:/bin", b"KEPT": b"yes"}
as_root = pytest.mark.skipif(not IS_ROOT, reason="only root can become somebody else")


@pytest.mark.root
@as_root
def test_it_becomes_the_account_and_keeps_the_environment() -> None:
    nobody = pwd.getpwnam("nobody")
    result = process("setuidgid", [b"nobody", b"sh", b"-c", b"id -u; id -g; id -G; echo $KEPT; exit 7"], ENV)
    assert result == Result(7, b"%d\n%d\n%d\nyes\n" % (nobody.pw_uid, nobody.pw_gid, nobody.pw_gid), b"")


@pytest.mark.root
@as_root
def test_it_cannot_go_back() -> None:
    lines = process("setuidgid", [b"nobody", b"grep", b"-E", b"^(Uid|Gid)", b"/proc/self/status"], ENV).out.splitlines()
    assert [set(line.split()[1:]) for line in lines] == [{b"65534"}, {b"65534"}]


@pytest.mark.root
@as_root
def test_the_program_has_default_signals() -> None:
    said = process("setuidgid", [b"nobody", b"grep", b"SigIgn", b"/proc/self/status"], ENV).out
    assert said.split() == [b"SigIgn:", ignored_by_us().encode()]


@pytest.mark.root
@as_root
def test_it_says_what_it_cannot_run() -> None:
    result = process("setuidgid", [b"nobody", b"/none"], ENV)
    assert result == Result(111, b"", b"setuidgid: fatal: unable to run /none: file does not exist\n")


def test_without_root_it_does_nothing() -> None:
    """As the original: even for the account one already is."""
    me = pwd.getpwuid(65534 if IS_ROOT else os.geteuid()).pw_name
    done = subprocess.run(
        [*command("setuidgid", b"/"), me, "echo", "ran"],
        capture_output=True,
        check=False,
        **become(),  # type: ignore[call-overload]
    )
    assert (done.returncode, done.stdout) == (111, b"")
    assert done.stderr == b"setuidgid: fatal: unable to setgid: permission denied\n"


def test_an_unknown_account() -> None:
    result = call("setuidgid", [b"no-such-account", b"true"], {})
    assert result == Result(111, b"", b"setuidgid: fatal: unknown account no-such-account\n")


@pytest.mark.parametrize("argv", [[], [b"nobody"]])
def test_it_wants_an_account_and_a_program(argv: list[bytes]) -> None:
    assert call("setuidgid", argv, {}) == Result(100, b"", b"setuidgid: usage: setuidgid account child\n")
