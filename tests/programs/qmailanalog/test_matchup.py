"""matchup, the program: its descriptors. Conformance case C66; the lines are told in tests/decisions/test_matchup."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from mta import runner
from mta.unix.fds import Fds
from tests.support.call import Result, command

INFO = b"1.0 info msg 7: bytes 295 from <joe@x.y> qp 2203 uid 1000\n"
PENDING = INFO + b"1.0 extra 7 0 0 0\n"


def run(log: bytes, **others: int) -> tuple[Result, bytes]:
    """-> (result, what came on descriptor 5)"""
    with (
        tempfile.TemporaryFile() as source,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        tempfile.TemporaryFile() as five,
    ):
        source.write(log)
        source.seek(0)
        fds = {0: source.fileno(), 1: out.fileno(), 2: err.fileno(), 5: five.fileno()}
        code = runner.call("matchup", [], {}, Fds({**fds, **{int(name[2:]): fd for name, fd in others.items()}}))
        for file in (out, err, five):
            file.seek(0)
        return Result(code, out.read(), err.read()), five.read()


def test_output_and_pending_part_ways() -> None:
    result, pending = run(INFO + b"2.0 new msg 8\n3.0 warning: x\n4.0 half a li")
    assert result == Result(0, b"3.0 warning: x\n", b"")
    assert pending == PENDING + b"4.0 half a li"


def test_a_log_longer_than_a_piece() -> None:
    result, pending = run(b"1.0 warning: x\n" * 20_000 + INFO)
    assert (result.code, result.out) == (0, b"1.0 warning: x\n" * 20_000)
    assert pending == PENDING


@pytest.mark.parametrize("log", [INFO, b""])
def test_c66_without_descriptor_5_it_fails(log: bytes) -> None:
    result, _ = run(log, fd5=9999)
    assert result == Result(111, b"", b"matchup: fatal: unable to write fd 5: file descriptor not open\n")


def test_c66_as_a_process(tmp_path: Path) -> None:
    done = subprocess.run(command("matchup", os.fsencode(tmp_path)), input=INFO, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (111, b"matchup: fatal: unable to write fd 5: file descriptor not open\n")


def test_descriptors_that_do_not_work() -> None:
    result, _ = run(INFO, fd0=9999)
    assert result == Result(111, b"", b"matchup: fatal: unable to read input: file descriptor not open\n")
    with open("/dev/full", "wb") as full:
        result, pending = run(b"1 warning: x\n" + INFO, fd1=full.fileno())
        assert result == Result(111, b"", b"matchup: fatal: unable to write output: out of disk space\n")
        assert pending == b""
        result, _ = run(INFO, fd5=full.fileno())
        assert result == Result(111, b"", b"matchup: fatal: unable to write fd 5: out of disk space\n")
