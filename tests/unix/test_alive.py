"""Is that process still there?"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mta.unix import alive
from tests.conftest import ROOT


def test_we_are_here() -> None:
    assert not alive.is_gone(alive.me())


def test_a_process_is_there_until_it_is_killed() -> None:
    program = "from mta.unix import alive; print(alive.me().decode(), flush=True); input()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=pipe, stdin=pipe) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert not alive.is_gone(name)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, but nobody has asked for its exit code
        assert alive.is_gone(name)
        process.wait()
        assert alive.is_gone(name)


HOST, BOOT, PID, START = alive.me().split(b" ")


@pytest.mark.parametrize(
    ("why", "words", "is_gone"),
    [
        ("its number was given to another one", [HOST, BOOT, PID, b"1"], True),
        ("the machine was started again", [HOST, b"another-boot", PID, START], True),
        ("a number nobody has", [HOST, BOOT, b"4194304999", START], True),
        ("another machine: who knows", [b"elsewhere", BOOT, b"4194304999", START], False),
        ("nothing of ours", [b"?"], False),
        ("nothing", [], False),
    ],
)
def test_it_tells(why: str, words: list[bytes], is_gone: bool) -> None:
    assert alive.is_gone(b" ".join(words)) is is_gone, why
