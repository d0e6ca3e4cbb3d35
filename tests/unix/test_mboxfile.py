from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta.errors import Temporary
from mta.unix import mboxfile, mess
from mta.unix.disk import Disk

HEAD = b"From a@b Thu Jan 01 00:00:00 1970\nReturn-Path: <a@b>\nDelivered-To: joe@h\n"
OLD = b"From x Thu Jan 01 00:00:00 1970\n\nold\n\n"


@pytest.fixture
def message(tmp_path: Path) -> Iterator[mess.Message]:
    (tmp_path / "mess").write_bytes(b"From a\n>From b\nx")
    fd = os.open(tmp_path / "mess", os.O_RDONLY)
    yield mess.message(fd, is_suspected=False)
    os.close(fd)


def deliver(path: Path, message: mess.Message, disk: Disk | None = None, lock_s: float = 30) -> None:
    mboxfile.deliver(os.fsencode(path), b"./Mailbox", HEAD, message, disk=disk or Disk(), lock_s=lock_s)


def test_l21_a_message_is_appended_and_quoted(tmp_path: Path, message: mess.Message) -> None:
    deliver(tmp_path / "m", message)
    deliver(tmp_path / "m", message)
    assert (tmp_path / "m").read_bytes() == (HEAD + b">From a\n>>From b\nx\n\n") * 2
    assert (tmp_path / "m").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("why", "left", "seam"),
    [
        ("nothing was there", b"", b""),
        ("a whole message", OLD, b""),
        ("cut off in the middle of a line", OLD + b"From x Thu Jan 01 00:00:00 1970\n\nol", b"\n\n"),
        ("cut off behind a line", OLD + b"From x Thu Jan 01 00:00:00 1970\n\nold\n", b"\n"),
    ],
)
def test_a_message_begins_behind_an_empty_line_whatever_a_crash_left(
    tmp_path: Path, message: mess.Message, why: str, left: bytes, seam: bytes
) -> None:
    (tmp_path / "m").write_bytes(left)
    deliver(tmp_path / "m", message)
    assert (tmp_path / "m").read_bytes() == left + seam + HEAD + b">From a\n>>From b\nx\n\n", why


@pytest.mark.parametrize(
    ("why", "name", "text"),
    [
        ("a directory", ".", r"^Unable to open \./Mailbox: is a directory\. \(#4\.2\.1\)$"),
        ("no such directory", "no/m", r"^Unable to open \./Mailbox: file does not exist\. \(#4\.2\.1\)$"),
    ],
)
def test_what_cannot_be_opened(tmp_path: Path, message: mess.Message, why: str, name: str, text: str) -> None:
    with pytest.raises(Temporary, match=text):
        deliver(tmp_path / name, message)


def test_a_fifo_nobody_reads_is_not_waited_for(tmp_path: Path, message: mess.Message) -> None:
    os.mkfifo(tmp_path / "m")
    with pytest.raises(Temporary, match="device not configured"):
        deliver(tmp_path / "m", message)


def test_a_lock_is_not_waited_for_for_ever(tmp_path: Path, message: mess.Message) -> None:
    (tmp_path / "m").write_bytes(OLD)
    with (tmp_path / "m").open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Temporary, match=r"^File has been locked for 30 seconds straight\. \(#4\.3\.0\)$"):
            deliver(tmp_path / "m", message, lock_s=0.01)
    assert (tmp_path / "m").read_bytes() == OLD


@pytest.mark.parametrize(
    ("call", "number", "text"),
    [
        ("write", errno.ENOSPC, "Unable to write ./Mailbox: out of disk space. (#4.3.0)"),
        ("fsync", errno.EIO, "Unable to write ./Mailbox: input/output error. (#4.3.0)"),
        ("pread", errno.EIO, "Unable to read message. (#4.3.0)"),
    ],
)
def test_a_failure_is_cut_off_again(tmp_path: Path, message: mess.Message, call: str, number: int, text: str) -> None:
    disk = Disk()

    def fail(*_: object) -> bytes:
        raise OSError(number, os.strerror(number))

    def write_some(fd: int, data: bytes) -> None:
        os.write(fd, data[:7])
        fail()

    setattr(disk, call, write_some if call == "write" else fail)
    (tmp_path / "m").write_bytes(OLD)
    with pytest.raises(Temporary) as raised:
        deliver(tmp_path / "m", message, disk)
    assert raised.value.text == text
    assert (tmp_path / "m").read_bytes() == OLD


def test_a_file_system_without_locks_is_written_to_all_the_same(
    tmp_path: Path, message: mess.Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(_fd: int) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr("mta.unix.lock.wait_exclusive", no_locks)
    deliver(tmp_path / "m", message)
    assert (tmp_path / "m").read_bytes().startswith(HEAD)
