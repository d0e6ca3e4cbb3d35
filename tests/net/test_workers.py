"""Several processes of one server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.conftest import ROOT

# The parent says when all are forked; each worker waits for the signal and says that it came.
SCRIPT = """
import os, signal, sys
from mta.net import workers
crew = workers.Workers()
number = crew.fork(3)
if number is None:
    os.write(1, b"parent\\n")
    os._exit(crew.wait())
def told(n, frame):
    signal.signal(n, signal.SIG_IGN)  # it may be told twice
    os._exit(os.write(1, b"told %d\\n" % number) and 0)
signal.signal(signal.SIGTERM, told)
workers.release()
os.write(1, b"worker %d %d\\n" % (number, os.getpid()))
if number == 1 and len(sys.argv) > 1:
    os._exit(3)
while True:
    signal.pause()
"""


def lines(process: subprocess.Popen[bytes], count: int) -> list[bytes]:
    assert process.stdout is not None
    return sorted(process.stdout.readline() for _ in range(count))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_parent_ends_all(number: int) -> None:
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert [line.split()[0] for line in lines(process, 4)] == [b"parent", b"worker", b"worker", b"worker"]
        os.kill(process.pid, number)
        assert lines(process, 3) == [b"told 0\n", b"told 1\n", b"told 2\n"]
        assert process.wait() == 0


def test_when_one_ends_all_end_and_that_is_a_failure() -> None:
    with subprocess.Popen([sys.executable, "-c", SCRIPT, "one ends"], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        said = process.stdout.read().splitlines()
        assert sorted(line for line in said if line.startswith(b"told")) == [b"told 0", b"told 2"]
        assert process.wait() == 111


def test_when_the_parent_is_killed_all_end() -> None:
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert [line.split()[0] for line in lines(process, 4)] == [b"parent", b"worker", b"worker", b"worker"]
        process.kill()
        assert lines(process, 3) == [b"told 0\n", b"told 1\n", b"told 2\n"]
