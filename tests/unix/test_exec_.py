from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mta.unix import exec_
from tests.conftest import ROOT

# What a shell says of its descriptors and environment, after a Python process has become it.
_BECOME = """
import os, sys
sys.path.insert(0, {root!r})
from mta.unix import exec_
os.dup2({first}, 1); os.dup2({second}, 7)
os.dup2(0, 50, inheritable=False)  # as Python opens every file
exec_.become(b"/bin/sh", [b"shell", b"-c", {script!r}], {{b"A": b"b"}}, {fds})
"""


def become(script: bytes, fds: str, first: int, second: int) -> subprocess.CompletedProcess[bytes]:
    text = _BECOME.format(root=str(ROOT), first=first, second=second, script=script, fds=fds)
    return subprocess.run([sys.executable, "-I", "-S", "-c", text], pass_fds=(first, second), capture_output=True, check=False)


def test_descriptors_may_change_places(tmp_path: Path) -> None:
    one, seven = os.open(tmp_path / "one", os.O_CREAT | os.O_RDWR), os.open(tmp_path / "seven", os.O_CREAT | os.O_RDWR)
    done = become(b"echo to one; echo to seven >&7", "{1: 7, 7: 1}", one, seven)
    for fd in (one, seven):
        os.close(fd)
    assert (done.returncode, done.stderr) == (0, b"")
    assert ((tmp_path / "one").read_bytes(), (tmp_path / "seven").read_bytes()) == (b"to seven\n", b"to one\n")


def test_it_gets_its_arguments_and_environment_and_nothing_else(tmp_path: Path) -> None:
    out = os.open(tmp_path / "out", os.O_CREAT | os.O_RDWR)
    done = become(b'echo "$0 $A $HOME"; test -e /proc/$$/fd/50 || echo closed', "{0: 0, 1: 1, 2: 2}", out, out)
    os.close(out)
    assert (done.returncode, (tmp_path / "out").read_bytes()) == (0, b"shell b \nclosed\n")


def test_it_is_ended_by_a_pipe_nobody_reads(tmp_path: Path) -> None:
    """Python ignores SIGPIPE, and a program would inherit that."""
    out = os.open(tmp_path / "out", os.O_CREAT | os.O_RDWR)
    done = become(b"grep SigIgn /proc/self/status", "{0: 0, 1: 1, 2: 2}", out, out)
    os.close(out)
    assert done.returncode == 0
    assert not int((tmp_path / "out").read_text().split()[1], 16) & 1 << signal.SIGPIPE - 1


def test_a_program_that_cannot_be_run_is_an_os_error() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGPIPE, signal.SIGXFSZ)}
    try:
        with pytest.raises(FileNotFoundError):
            exec_.become(b"/nowhere/program", [b"program"], {}, {})
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
