"""The list a session begins with: what is taken from the last one, and what is looked at."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from mta.net.pop3 import listing
from mta.unix import maildir_reader

LATER_NS = 10 * 10**9  # after the last change: a stamp may be trusted then
FILE = "tawny-pop3-list"


@pytest.fixture
def maildir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every list is worth a file, however short."""
    monkeypatch.setattr(listing, "KEPT_FROM", 1)
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    return tmp_path


def put(maildir: Path, name: str, text: bytes, mtime_s: int = 1) -> None:
    (maildir / name).write_bytes(text)
    os.utime(maildir / name, (mtime_s, mtime_s))


def found(maildir: Path, later_ns: int = 0) -> list[tuple[bytes, int]]:
    """later_ns: how long after now the session is."""
    listed = listing.list_(os.fsencode(maildir), time.time_ns() + later_ns)
    assert len(listed.sizes) == len(listed.mtimes_ns) == len(listed.paths)
    return list(zip(listed.paths, listed.wire_sizes, strict=True))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Paths of the messages that were opened."""
    paths: list[bytes] = []
    real = maildir_reader.open_unread

    def open_unread(path: bytes) -> tuple[int, os.stat_result] | None:
        paths.append(os.path.basename(path))
        return real(path)

    monkeypatch.setattr(maildir_reader, "open_unread", open_unread)
    return paths


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Folders that were listed."""
    scanned: list[object] = []
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: scanned.append(path) or real(path))
    return scanned


def test_a_message_is_read_once_whatever_its_flags_become(maildir: Path, read: list[bytes]) -> None:
    put(maildir, "new/1.h", b"a\nb\n")
    put(maildir, "new/2.h", b"a\r\n", 2)
    assert found(maildir) == [(b"new/1.h", 6), (b"new/2.h", 3)]
    os.rename(maildir / "new/1.h", maildir / "cur/1.h:2,S")
    assert found(maildir) == [(b"cur/1.h:2,S", 6), (b"new/2.h", 3)]
    assert sorted(read) == [b"1.h", b"2.h"]


def test_an_unchanged_mailbox_is_not_even_listed(maildir: Path, scans: list[object]) -> None:
    put(maildir, "cur/1.h:2,S", b"a\n")
    assert found(maildir, LATER_NS) == [(b"cur/1.h:2,S", 3)]
    assert len(scans) == 2
    assert found(maildir, LATER_NS) == [(b"cur/1.h:2,S", 3)]
    assert len(scans) == 2


def test_a_mailbox_that_changed_a_moment_ago_is_listed_again(maildir: Path, scans: list[object], read: list[bytes]) -> None:
    put(maildir, "cur/1.h:2,S", b"a\n")
    assert found(maildir) == found(maildir)
    assert (len(scans), read) == (4, [b"1.h:2,S"])


@pytest.mark.parametrize("later_ns", [0, LATER_NS])
def test_every_change_is_seen(maildir: Path, later_ns: int) -> None:
    for n in range(5):
        put(maildir, f"new/{n}.h", b"x" * n + b"\n", n)
    os.utime(maildir / "new", (1, 1))
    assert found(maildir, later_ns) == [(b"new/%d.h" % n, n + 2) for n in range(5)]
    before = maildir_reader.stamp(os.fsencode(maildir))
    while maildir_reader.stamp(os.fsencode(maildir)) == before:  # the clock of the file system has its steps
        os.rename(maildir / "new/1.h", maildir / "new/1.h:2,")
        os.rename(maildir / "new/1.h:2,", maildir / "new/1.h")
    os.rename(maildir / "new/1.h", maildir / "cur/1.h:2,FS")
    (maildir / "new/2.h").unlink()
    put(maildir, "new/7.h", b"new\n", 3)
    put(maildir, "new/0.b", b"new\n", 0)
    assert found(maildir) == [(b"new/0.b", 5), (b"new/0.h", 2), (b"cur/1.h:2,FS", 3), (b"new/3.h", 5), (b"new/7.h", 5), (b"new/4.h", 6)]


def test_a_size_in_the_name_needs_no_reading(maildir: Path, read: list[bytes]) -> None:
    put(maildir, "new/1.h,S=4,W=6", b"a\nb\n")
    assert found(maildir) == [(b"new/1.h,S=4,W=6", 6)]
    assert read == []


def test_messages_come_in_the_order_of_the_other_profile(maildir: Path) -> None:
    for name, mtime_s in (("new/3.c.h", 30), ("cur/1.a.h:2,S", 10), ("new/2.b.h", 20), ("new/2.a.h,W=9", 20)):
        put(maildir, name, b"x", mtime_s)
    assert [path for path, _ in found(maildir)] == [e.path for e in maildir_reader.entries(os.fsencode(maildir))]


def test_what_is_large_is_measured_in_pieces(maildir: Path) -> None:
    put(maildir, "new/1.h", b"0123456789012345678901234567890123456789\r\n" * 5000)
    put(maildir, "new/2.h", b"01234567890123456789012345678901234567890\n" * 5000, 2)
    assert [size for _, size in found(maildir)] == [42 * 5000, 43 * 5000]


def test_lines_of_messages_that_are_gone_are_dropped(maildir: Path) -> None:
    (maildir / FILE).write_bytes(b"tawny-pop3-list 1 2 -\n99 90 1 new/gone.h\n6 4 1000000000 new/1.h\n")
    put(maildir, "new/1.h", b"a\nb\n")
    put(maildir, "new/2.h", b"", 2)
    assert found(maildir) == [(b"new/1.h", 6), (b"new/2.h", 0)]
    assert (maildir / FILE).read_bytes() == b"tawny-pop3-list 1 2 -\n6 4 1000000000 new/1.h\n0 0 2000000000 new/2.h\n"


def test_a_short_list_is_no_file_until_it_saves_reading(maildir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "KEPT_FROM", 2)
    put(maildir, "new/1.h", b"a\n")
    assert found(maildir) == [(b"new/1.h", 3)]
    assert not (maildir / FILE).exists()
    put(maildir, "new/2.h", b"a\n", 2)
    assert len(found(maildir)) == 2
    (maildir / "new/2.h").unlink()
    assert found(maildir) == [(b"new/1.h", 3)]
    assert b"2.h" not in (maildir / FILE).read_bytes()
    (maildir / FILE).unlink()
    monkeypatch.setattr(listing, "KEPT_FROM_OCTETS", 2)
    assert found(maildir) == [(b"new/1.h", 3)]
    assert (maildir / FILE).exists()


def test_a_full_disk_costs_speed_and_nothing_else(maildir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(maildir, "new/1.h", b"a\n")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    assert found(maildir) == [(b"new/1.h", 3)]
    assert sorted(os.listdir(maildir)) == ["cur", "new", "tmp"]


@pytest.mark.parametrize("in_the_way", ["folder", "link", "fifo", "damage"])
def test_something_else_in_its_place_does_no_harm(maildir: Path, in_the_way: str) -> None:
    put(maildir, "new/1.h", b"a\n")
    path = maildir / FILE
    match in_the_way:
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to(maildir / "new/1.h")
        case "fifo":
            os.mkfifo(path)
        case "damage":
            path.write_bytes(b"tawny-pop3-list 1 1 -\n3 2")
    assert found(maildir) == [(b"new/1.h", 3)]
    assert (maildir / "new/1.h").read_bytes() == b"a\n"


def test_a_message_that_goes_away_meanwhile_is_left_out(maildir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(maildir, "new/1.h", b"a\n")
    put(maildir, "new/2.h,W=3", b"a\n")
    real = maildir_reader.compare

    def compare(path: bytes, known: dict[bytes, int]) -> tuple[list[int], list[tuple[int, bytes]]]:
        seen = real(path, known)
        (maildir / "new/1.h").unlink()
        (maildir / "new/2.h,W=3").unlink()
        return seen

    monkeypatch.setattr(maildir_reader, "compare", compare)
    assert found(maildir) == []


@pytest.mark.parametrize("name", ["new/a b", "new/a\nb"])
def test_a_name_that_no_line_can_hold_is_listed_all_the_same(maildir: Path, name: str) -> None:
    put(maildir, name, b"a\n")
    for _ in range(2):
        assert found(maildir, LATER_NS) == [(name.encode(), 3)]
