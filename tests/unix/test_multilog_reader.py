"""Every line once, whatever multilog does with its files meanwhile."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mta.formats import tai64n
from mta.unix import multilog_reader
from mta.unix.multilog_reader import Position
from tests.conftest import ROOT


class Writer:
    """What multilog does to its directory, one act at a time. Every line is different."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[bytes] = []
        self.time = 1_800_000_000

    def write(self, number: int = 1, text: bytes = b"x") -> None:
        with (self.folder / "current").open("ab") as file:
            for _ in range(number):
                line = b"%b %d %b\n" % (self.label(), len(self.lines), text)
                file.write(line)
                self.lines.append(line)

    def label(self) -> bytes:
        self.time += 1
        return tai64n.write(self.time * 1_000_000_000)

    def rotate(self, ending: str = ".s") -> Path:
        self.set_aside()
        return self.give_name(ending)

    def set_aside(self) -> None:
        (self.folder / "current").rename(self.folder / "previous")
        (self.folder / "current").touch()

    def give_name(self, ending: str = ".s") -> Path:
        path = self.folder / (self.label().decode() + ending)
        os.link(self.folder / "previous", path)
        (self.folder / "previous").unlink()
        return path


class Reader:
    """Reads, and goes on from what JSON gives back."""

    def __init__(self, folder: Path, piece_max: int = 1 << 20) -> None:
        self.folder = os.fsencode(folder)
        self.piece_max = piece_max
        self.position = Position()

    def read(self, at_most: int = 1000) -> list[bytes]:
        found: list[bytes] = []
        for _, piece in zip(range(at_most), multilog_reader.pieces(self.folder, self.position, self.piece_max), strict=False):
            assert piece.data == b"" or piece.data.endswith(b"\n")
            found += piece.data.splitlines(keepends=True)
            self.position = Position.load(json.loads(json.dumps(piece.position.dump())))
        return found


@pytest.fixture
def log(tmp_path: Path) -> Writer:
    return Writer(tmp_path)


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


def test_it_reads_everything_once(log: Writer, reader: Reader) -> None:
    log.write(3)
    log.rotate()
    log.write(2)
    log.rotate()
    log.write(1)
    assert reader.read() == log.lines
    assert reader.read() == []


def test_it_goes_on_in_current(log: Writer, reader: Reader) -> None:
    log.write(2)
    reader.read()
    log.write(2)
    assert reader.read() == log.lines[2:]


def test_it_finds_the_file_it_stands_in_under_its_new_name(log: Writer, reader: Reader) -> None:
    log.write(2)
    reader.read()
    log.write(2)
    log.rotate()
    log.write(2)
    assert reader.read() == log.lines[2:]


def test_it_waits_for_the_end_of_a_line(log: Writer, reader: Reader, tmp_path: Path) -> None:
    log.write(1)
    with (tmp_path / "current").open("ab") as file:
        file.write(b"@half")
    assert reader.read() == log.lines
    with (tmp_path / "current").open("ab") as file:
        file.write(b" a line\n")
    assert reader.read() == [b"@half a line\n"]


def test_it_passes_over_what_a_crash_cut_off(log: Writer, reader: Reader, tmp_path: Path) -> None:
    log.write(2)
    with (tmp_path / "current").open("ab") as file:
        file.write(b"@half")
    log.rotate(".u")
    log.write(1)
    assert reader.read() == log.lines
    assert (reader.position.cut, reader.position.gaps) == (1, 0)


def test_it_reads_nothing_newer_while_a_file_has_no_name(log: Writer, reader: Reader) -> None:
    log.write(2)
    reader.read()
    log.write(1)
    log.set_aside()
    log.write(1)
    assert reader.read() == []
    log.give_name()
    assert reader.read() == log.lines[2:]
    assert reader.position.gaps == 0


def test_it_reads_older_files_while_the_first_one_has_no_name(log: Writer, reader: Reader) -> None:
    log.write(1)
    log.rotate()
    log.write(1)
    log.set_aside()
    log.write(1)
    assert reader.read() == log.lines[:1]
    log.give_name()
    assert reader.read() == log.lines[1:]


def test_it_says_when_a_file_went_before_it_was_read(log: Writer, reader: Reader) -> None:
    log.write(2)
    reader.read()
    log.write(1)
    lost = log.rotate()
    log.write(1)
    lost.unlink()
    assert reader.read() == log.lines[3:]
    assert reader.position.gaps == 1


def test_it_says_when_current_was_emptied(log: Writer, reader: Reader, tmp_path: Path) -> None:
    log.write(5)
    reader.read()
    (tmp_path / "current").write_bytes(b"")
    log.write(1)
    assert reader.read() == log.lines[5:]
    assert reader.position.gaps == 1


def test_it_knows_its_files_in_another_place(log: Writer, reader: Reader, tmp_path: Path) -> None:
    """A restored backup: other inodes, the same names and contents."""
    log.write(2)
    log.rotate()
    log.write(2)
    reader.read()
    shutil.copytree(tmp_path, tmp_path / "copy")
    reader.folder = os.fsencode(tmp_path / "copy")
    log = Writer(tmp_path / "copy")
    log.time += 1000
    log.write(1)
    assert reader.read() == log.lines


def test_it_reads_a_file_whose_name_is_older_than_the_last_one(log: Writer, reader: Reader) -> None:
    """The clock was set back."""
    log.write(2)
    log.rotate()
    assert reader.read() == log.lines
    log.time -= 10_000
    log.write(2)
    log.rotate()
    log.write(1)
    assert reader.read() == log.lines[2:]


def test_it_passes_over_a_line_longer_than_a_piece(log: Writer, tmp_path: Path) -> None:
    reader = Reader(tmp_path, piece_max=100)
    log.write(1)
    log.write(1, b"y" * 500)
    log.write(1)
    assert reader.read() == [log.lines[0], log.lines[2]]
    assert reader.position.cut == 1
    with (tmp_path / "current").open("ab") as file:
        file.write(b"z" * 500)
    assert reader.read() == []
    log.rotate()
    assert reader.read() == []
    assert reader.position.cut == 2


def test_it_forgets_files_that_are_gone(log: Writer, reader: Reader) -> None:
    log.write(1)
    old = log.rotate()
    log.write(1)
    reader.read()
    assert reader.position.done == {os.fsencode(old.name)}
    old.unlink()
    log.write(1)
    reader.read()
    assert reader.position.done == frozenset()


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Reader(tmp_path / "none").read()


def test_it_reads_nothing_from_an_empty_directory(reader: Reader) -> None:
    assert reader.read() == []


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 4)),
        st.tuples(st.just("set aside"), st.just(0)),
        st.tuples(st.just("give name"), st.just(0)),
        st.tuples(st.just("read"), st.integers(1, 3)),
    ),
    max_size=30,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS, piece_max=st.sampled_from([70, 200, 4096]))
def test_it_loses_and_repeats_nothing(acts: list[tuple[str, int]], piece_max: int, tmp_path: Path) -> None:
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    folder.mkdir()
    log, reader, found = Writer(folder), Reader(folder, piece_max), []
    for act, number in acts:
        is_between = (folder / "previous").exists()
        if act == "write":
            log.write(number)
        elif act == "set aside" and not is_between and (folder / "current").exists():
            log.set_aside()
        elif act == "give name" and is_between:
            log.give_name()
        elif act == "read":
            found += reader.read(at_most=number)
            assert found == log.lines[: len(found)]
    if (folder / "previous").exists():
        log.give_name()
    found += reader.read() + reader.read()
    assert found == log.lines
    assert (reader.position.cut, reader.position.gaps) == (0, 0)


def test_it_follows_a_multilog_at_work(tmp_path: Path) -> None:
    """The real one, ending a file every few lines, while we read as fast as we can."""
    number, folder = 20_000, tmp_path / "main"
    env = {**os.environ, "QMAIL_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "mta", "multilog", "t", "s4096", "n100000", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.PIPE) as multilog:
        assert multilog.stdin is not None
        writer = threading.Thread(target=_write_lines, args=(multilog.stdin, number))
        writer.start()
        reader, found = Reader(folder), list[bytes]()
        while not (folder / "current").exists():
            assert multilog.poll() is None
        while multilog.poll() is None:
            found += reader.read()
        writer.join()
    found += reader.read() + reader.read()
    assert multilog.returncode == 0
    assert [int(line[26:]) for line in found] == list(range(number))
    assert (reader.position.cut, reader.position.gaps) == (0, 0)
    assert len(reader.position.done) > 100


def _write_lines(pipe: IO[bytes], number: int) -> None:
    for i in range(number):
        pipe.write(b"%d\n" % i)
        if i % 50 == 0:
            pipe.flush()
    pipe.close()


def test_it_finds_lines_again(log: Writer, tmp_path: Path) -> None:
    for text in (b"a b", b"c", b"a d"):
        log.write(2, text)
        log.rotate()
    log.write(1, b"a e")

    def find(pattern: bytes, first: int = 0, last: int = -1, octets_max: int = 1 << 20) -> list[bytes]:
        since, until = (tai64n.read(log.lines[i][:25]) for i in (first, last))
        return [text for _, text in multilog_reader.find(os.fsencode(tmp_path), re.compile(pattern, re.DOTALL), since, until, octets_max)]

    assert find(rb"\d+ a .*") == [b"0 a b", b"1 a b", b"4 a d", b"5 a d", b"6 a e"]
    assert find(rb"\d+ a") == []
    assert find(rb".*", 1, 3) == [b"1 a b", b"2 c", b"3 c"]
    assert find(rb".*", octets_max=sum(map(len, log.lines[:2]))) == [b"0 a b", b"1 a b"]
