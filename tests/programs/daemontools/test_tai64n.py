"""tai64n and tai64nlocal: labels put before lines, and turned into local time. Case C21 and the recorded lines of the original."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import tai64n
from tests.conftest import as_bytes, corpus
from tests.support.call import Result, call, command, process

CASES = [c for c in corpus("oracle/newu-newmrh-pw2u-tcprules-cdb-multilog-tai64n") if c["tool"] == "tai64nlocal"]
CRASHED = "@4000000037c219bf2ef02e9 z\n"  # the original printed nothing for it
LABEL = b"@4000000037c219bf2ef02e94"


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['name'].strip()}-{c['tz']}")
def test_it_shows_what_the_original_showed(case: dict[str, Any]) -> None:
    line = as_bytes(case["name"])
    if not line.endswith(b"\n"):
        line += b" text\n"
    wanted = line if case["name"] == CRASHED else as_bytes(case["output"])
    assert process("tai64nlocal", [], {b"QMAIL_HOME": b"/", b"TZ": case["tz"].encode()}, line) == Result(0, wanted, b"")


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("C21 no digits", b"@zz\n"),
        ("alone", b"@"),
        ("no label", b"a\n\nb"),
        ("only an end", b"\n"),
        ("nothing", b""),
        ("in the middle", b"x @" + LABEL),
    ],
)
def test_c21_what_is_no_label_stays(why: str, data: bytes) -> None:
    assert call("tai64nlocal", [], {}, data) == Result(0, data, b""), why


def test_a_last_line_without_an_end_is_not_lost() -> None:
    shown = tai64n.local(LABEL, time.localtime)
    assert call("tai64nlocal", [], {}, LABEL + b"\n" + LABEL) == Result(0, shown + b"\n" + shown, b"")


class Filter:
    """A filter as a process, fed in pieces."""

    def __init__(self, name: str) -> None:
        self._popen = subprocess.Popen(command(name, b"/"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, piece: bytes, size: int) -> bytes:
        """What comes out, size octets, before anything else goes in."""
        assert self._popen.stdin and self._popen.stdout
        self._popen.stdin.write(piece)
        self._popen.stdin.flush()
        return self._popen.stdout.read(size)

    def end(self) -> bytes:
        out, _ = self._popen.communicate()
        assert self._popen.returncode == 0
        return out


def test_a_label_is_put_where_a_line_begins_and_nowhere_else() -> None:
    filter_ = Filter("tai64n")
    before = time.time_ns()
    out = filter_.ask(b"on", 28)
    assert before <= tai64n.read(out[:25]) <= time.time_ns()
    assert out[25:] == b" on"
    assert filter_.ask(b"e\n", 2) == b"e\n"
    assert filter_.ask(b"two", 29)[25:] == b" two"
    assert filter_.end() == b""


def test_a_label_is_recognised_in_whatever_pieces_it_comes() -> None:
    filter_ = Filter("tai64nlocal")
    assert filter_.ask(b"a\n@40000000", 2) == b"a\n"
    shown = tai64n.local(LABEL, time.localtime)
    assert filter_.ask(LABEL[9:] + b" b", len(shown) + 2) == shown + b" b"
    assert filter_.ask(LABEL, len(LABEL)) == LABEL  # within a line
    assert filter_.ask(b"\n", 1) == b"\n"
    assert filter_.end() == b""


@given(st.lists(st.sampled_from([b"a", b"", b"x" * 70000, LABEL, LABEL + b" x", b"@" + b"0" * 70000]), max_size=5), st.booleans())
def test_whatever_the_lines_each_gets_one_label_and_each_label_is_turned(lines: list[bytes], is_ended: bool) -> None:
    data = b"\n".join(lines) + (b"\n" if is_ended else b"")
    stamped = call("tai64n", [], {}, data).out
    wanted = data.split(b"\n")
    got = stamped.split(b"\n")
    assert [line[26:] for line in got] == wanted
    assert all(tai64n.read(line[:25]) and line[25:26] == b" " for line in got if line)
    shown = call("tai64nlocal", [], {}, data).out.split(b"\n")
    assert shown == [tai64n.local(line, time.localtime) for line in wanted]


@pytest.mark.parametrize("name", ["tai64n", "tai64nlocal"])
def test_a_full_disk_is_an_error(name: str) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command(name, b"/"), input=b"x\n", stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (111, b"")


@pytest.mark.parametrize("name", ["tai64n", "tai64nlocal"])
def test_input_that_cannot_be_read_is_an_error(name: str, tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        assert call(name, [], {}, stdin_fd=fd) == Result(111, b"", b"")
    finally:
        os.close(fd)
