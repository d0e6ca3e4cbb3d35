"""The mailbox of a session: sizes, UIDs, and the acts behind the verbs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mta.net.pop3 import mailbox
from mta.net.pop3.state import CLASSIC, RFC

NOW_S = 2_000_000_000


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    return tmp_path


def put(maildir: Path, name: str, text: bytes, mtime_s: int = 1) -> None:
    (maildir / name).write_bytes(text)
    os.utime(maildir / name, (mtime_s, mtime_s))


def opened(maildir: Path, profile: mailbox.Profile = RFC) -> mailbox.Mailbox:
    return mailbox.open_(os.fsencode(maildir), profile, NOW_S)


def messages(maildir: Path, profile: mailbox.Profile = RFC) -> list[tuple[bytes, int]]:
    box = opened(maildir, profile)
    return list(zip(box.uids, box.sizes, strict=True))


def test_c44_sizes_are_those_of_the_file_or_those_of_the_wire(maildir: Path) -> None:
    put(maildir, "new/1.h", b"From: a\n\nhello w\n")
    assert messages(maildir, CLASSIC) == [(b"1.h", 17)]
    assert messages(maildir, RFC) == [(b"1.h", 20)]


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


def test_one_name_no_uid_can_hold_leaves_the_others_as_they_are() -> None:
    assert mailbox.uids([b"new/1.h", b"cur/a b:2,S", b"cur/2.h:2,"]) == [b"1.h", mailbox.uid(b"a b"), b"2.h"]


def test_a_message_caught_between_new_and_cur_is_listed_once(maildir: Path) -> None:
    put(maildir, "new/1.h", b"a")
    os.link(maildir / "new/1.h", maildir / "cur/1.h:2,")
    assert messages(maildir) == [(b"1.h", 3)]


def test_quit_removes_what_was_deleted_and_moves_the_rest(maildir: Path) -> None:
    for n in range(3):
        put(maildir, f"new/{n}.h", b"a", n)
    box = opened(maildir)
    assert (box.uids[1], box.sizes[1]) == (b"1.h", 3)
    assert box.commit(0b010) == 0
    assert sorted(os.listdir(maildir / "cur")) == ["0.h:2,", "2.h:2,"]
    assert os.listdir(maildir / "new") == []
