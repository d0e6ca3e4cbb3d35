from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import tcpto
from mta.unix import lock
from mta.unix.tcpto import TcpTo

IP = "192.0.2.1"
entries = st.builds(tcpto.Entry, st.binary(min_size=4, max_size=4), st.integers(0, 255), st.integers(0, 2**32 - 1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "tcpto"
    path.write_bytes(bytes(tcpto.SIZE))
    return path


@given(st.lists(entries, max_size=64), st.binary(max_size=15))
def test_records_read_back(found: list[tcpto.Entry], half: bytes) -> None:
    data = b"".join(map(tcpto.write, found))
    assert tcpto.read(data + half if len(found) < 64 else data) == found


def test_a_record_to_the_byte() -> None:
    assert tcpto.write(tcpto.Entry(b"\xc0\0\2\1", 3, 0x01020304)) == b"\xc0\0\2\1\3\0\0\0\4\3\2\1\0\0\0\0"


def test_it_remembers_forgives_and_keeps_the_size(path: Path) -> None:
    table = TcpTo(os.fsencode(path), pid=0)
    assert table.look(IP, 1000) == (False, False)
    table.timed_out(IP, 1000)
    assert table.look(IP, 1000) == (False, True)
    table.timed_out(IP, 1200)
    assert table.look(IP, 1200) == (True, True)
    table.connected(IP)
    assert table.look(IP, 1200) == (False, True), "the record stays, its count is 0"
    assert path.stat().st_size == tcpto.SIZE
    assert path.read_bytes()[:5] == socket.inet_aton(IP) + b"\0"


def test_emptying_keeps_the_file(path: Path) -> None:
    table = TcpTo(os.fsencode(path), pid=0)
    table.timed_out(IP, 1000)
    inode = path.stat().st_ino
    table.empty()
    assert path.read_bytes() == bytes(tcpto.SIZE)
    assert path.stat().st_ino == inode


def test_emptying_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        TcpTo(os.fsencode(tmp_path / "none"), pid=0).empty()


@pytest.mark.parametrize("content", [b"", b"x" * 15])
def test_a_file_without_a_record_remembers_nothing(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    table = TcpTo(os.fsencode(path), pid=0)
    table.timed_out(IP, 1000)
    assert table.look(IP, 1000) == (False, False)
    assert path.read_bytes() == content


def test_without_the_file_nothing_is_left_out(tmp_path: Path) -> None:
    table = TcpTo(os.fsencode(tmp_path / "none"), pid=0)
    table.timed_out(IP, 1000)
    table.connected(IP)
    assert table.look(IP, 1000) == (False, False)
    assert not (tmp_path / "none").exists()


def test_ipv6_addresses_do_not_stand_in_it(path: Path) -> None:
    table = TcpTo(os.fsencode(path), pid=0)
    table.timed_out("2001:db8::1", 1000)
    assert table.look("2001:db8::1", 1000) == (False, False)
    assert path.read_bytes() == bytes(tcpto.SIZE)


def test_the_lock_is_given_back(path: Path) -> None:
    table = TcpTo(os.fsencode(path), pid=0)
    table.timed_out(IP, 1000)
    table.look(IP, 1000)
    with path.open("r+b") as file:
        assert lock.try_exclusive(file.fileno())
