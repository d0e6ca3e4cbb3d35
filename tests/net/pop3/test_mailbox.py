"""The mailbox of a session: sizes, UIDs, and the acts behind the verbs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mta.net.pop3 import mailbox
from mta.net.pop3.state import CLASSIC, RFC, Message

NOW_S = 2_000_000_000


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    return tmp_path


def put(maildir: Path, name: str, text: bytes, mtime_s: int = 1) -> None:
    (maildir / name).write_bytes(text)
    os.utime(maildir / name, (mtime_s, mtime_s))


def messages(maildir: Path, profile: mailbox.Profile = RFC) -> list[tuple[bytes, int]]:
    return [(m.uid, m.size) for m in mailbox.open_(os.fsencode(maildir), profile, NOW_S).messages]


def test_c44_sizes_are_those_of_the_file_or_those_of_the_wire(maildir: Path) -> None:
    put(maildir, "new/1.h", b"From: a\n\nhello w\n")
    assert messages(maildir, CLASSIC) == [(b"1.h", 17)]
    assert messages(maildir, RFC) == [(b"1.h", 20)]


def test_a_message_is_measured_once(maildir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(maildir, "new/1.h", b"a\nb\n")
    put(maildir, "new/2.h", b"a\r\n", 2)
    assert messages(maildir) == [(b"1.h", 6), (b"2.h", 3)]
    assert (maildir / "tawny-pop3-sizes").read_bytes() == b"6 4 1.h\n3 3 2.h\n"
    os.rename(maildir / "new/1.h", maildir / "cur/1.h:2,S")

    def never(*_: object) -> int:
        raise AssertionError("measured again")

    monkeypatch.setattr(mailbox, "_measure", never)
    assert messages(maildir) == [(b"1.h", 6), (b"2.h", 3)]


def test_a_message_that_somebody_edited_is_measured_again(maildir: Path) -> None:
    put(maildir, "new/1.h", b"a\nb\n")
    assert messages(maildir) == [(b"1.h", 6)]
    put(maildir, "new/1.h", b"a\n")
    assert messages(maildir) == [(b"1.h", 3)]


def test_a_size_in_the_name_needs_no_reading(maildir: Path) -> None:
    put(maildir, "new/1.h,S=4,W=6", b"a\nb\n")
    assert messages(maildir) == [(b"1.h,S=4,W=6", 6)]
    assert not (maildir / "tawny-pop3-sizes").exists()


def test_lines_of_messages_that_are_gone_are_dropped(maildir: Path) -> None:
    (maildir / "tawny-pop3-sizes").write_bytes(b"99 90 gone.h\n6 4 1.h\n")
    put(maildir, "new/1.h", b"a\nb\n")
    put(maildir, "new/2.h", b"", 2)
    assert messages(maildir) == [(b"1.h", 6), (b"2.h", 0)]
    assert (maildir / "tawny-pop3-sizes").read_bytes() == b"6 4 1.h\n0 0 2.h\n"


def test_a_full_disk_costs_speed_and_nothing_else(maildir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(maildir, "new/1.h", b"a\n")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    assert messages(maildir) == [(b"1.h", 3)]
    assert sorted(os.listdir(maildir)) == ["cur", "new", "tmp"]


@pytest.mark.parametrize("in_the_way", ["folder", "link", "fifo"])
def test_something_else_in_the_place_of_the_sizes_does_no_harm(maildir: Path, in_the_way: str) -> None:
    put(maildir, "new/1.h", b"a\n")
    path = maildir / "tawny-pop3-sizes"
    match in_the_way:
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to(maildir / "new/1.h")
        case "fifo":
            os.mkfifo(path)
    assert messages(maildir) == [(b"1.h", 3)]
    assert (maildir / "new/1.h").read_bytes() == b"a\n"


def test_n11_a_message_of_this_second_waits_in_the_classic_profile(maildir: Path) -> None:
    put(maildir, "new/1.h", b"", NOW_S - 1)
    put(maildir, "new/2.h", b"", NOW_S)
    assert [uid for uid, _ in messages(maildir, CLASSIC)] == [b"1.h"]
    assert [uid for uid, _ in messages(maildir, RFC)] == [b"1.h", b"2.h"]


def test_n12_the_uid_is_the_name_without_flags(maildir: Path) -> None:
    put(maildir, "cur/50.2.h:2,S", b"")
    for profile in (CLASSIC, RFC):
        assert [uid for uid, _ in messages(maildir, profile)] == [b"50.2.h"]


@pytest.mark.parametrize("base", [b"a\nb", b"a b", b"\xff\xfe", b"a\x7fb"])
def test_a_name_no_uid_can_hold_is_told_as_a_digest(base: bytes) -> None:
    found = mailbox.uid(base)
    assert found != base and len(found) == 40 and found.isalnum()
    assert mailbox.uid(base) == found != mailbox.uid(base + b"c")


def test_a_message_caught_between_new_and_cur_is_listed_once(maildir: Path) -> None:
    put(maildir, "new/1.h", b"a")
    os.link(maildir / "new/1.h", maildir / "cur/1.h:2,")
    assert messages(maildir) == [(b"1.h", 3)]


def test_quit_removes_what_was_deleted_and_moves_the_rest(maildir: Path) -> None:
    for n in range(3):
        put(maildir, f"new/{n}.h", b"a", n)
    box = mailbox.open_(os.fsencode(maildir), RFC, NOW_S)
    assert box.messages[1] == Message(b"1.h", 3)
    assert box.commit(0b010) == 0
    assert sorted(os.listdir(maildir / "cur")) == ["0.h:2,", "2.h:2,"]
    assert os.listdir(maildir / "new") == []
