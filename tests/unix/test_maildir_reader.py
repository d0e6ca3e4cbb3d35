"""Reading Maildirs: what counts as a message, and what happens when others change it meanwhile."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mta.unix import maildir_reader
from mta.unix.maildir_reader import Entry, Maildir
from tests.conftest import as_bytes, corpus


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    path = tmp_path / "Maildir"
    for name in ("new", "cur", "tmp"):
        (path / name).mkdir(parents=True)
    return path


def put(maildir: Path, name: str, text: bytes = b"x\n", mtime_s: int | None = None) -> Path:
    path = maildir / name
    path.write_bytes(text)
    if mtime_s is not None:
        os.utime(path, (mtime_s, mtime_s))
    return path


def listed(maildir: Path) -> list[Entry]:
    return maildir_reader.entries(os.fsencode(maildir))


def opened(maildir: Path) -> tuple[Maildir, list[Entry]]:
    return Maildir(os.fsencode(maildir)), listed(maildir)


def names(maildir: Path) -> list[str]:
    return sorted(f"{f}/{n}" for f in ("new", "cur") for n in os.listdir(maildir / f))


def test_messages_come_oldest_first_and_by_name_within_a_second(maildir: Path) -> None:
    put(maildir, "new/3.c.h", b"333", 30)
    put(maildir, "cur/1.a.h:2,S", b"1", 10)
    put(maildir, "new/2.b.h", b"22", 20)
    put(maildir, "new/2.a.h", b"22", 20)
    assert [(e.path, e.size_bytes, e.mtime_ns // 10**9, e.base) for e in listed(maildir)] == [
        (b"cur/1.a.h:2,S", 1, 10, b"1.a.h"),
        (b"new/2.a.h", 2, 20, b"2.a.h"),
        (b"new/2.b.h", 2, 20, b"2.b.h"),
        (b"new/3.c.h", 3, 30, b"3.c.h"),
    ]


def test_only_regular_files_are_messages(maildir: Path, tmp_path: Path) -> None:
    secret = put(tmp_path, "secret")
    put(maildir, "new/1.h")
    put(maildir, "cur/.hidden")
    (maildir / "new/link").symlink_to(secret)
    (maildir / "new/dangling").symlink_to(tmp_path / "nowhere")
    (maildir / "new/folder").mkdir()
    os.mkfifo(maildir / "new/fifo")
    assert [e.path for e in listed(maildir)] == [b"new/1.h"]


def _can_be(path: str) -> bool:
    return ".." not in path and "->" not in path and not path.endswith(("fifo", "/")) and not path.startswith("tmp/")


@pytest.mark.parametrize("case", [c for c in corpus("hostile/maildir-names") if _can_be(c["path"])], ids=lambda c: c["id"])
def test_hostile_names_are_listed_safely(maildir: Path, case: dict[str, Any]) -> None:
    name = as_bytes(case["path"])
    path = os.path.join(os.fsencode(maildir), name)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    except OSError as error:
        pytest.skip(f"no file can have this name: {error}")
    wanted = [] if b"/." in name else [name]
    assert [e.path for e in listed(maildir)] == wanted
    box, found = opened(maildir)
    assert box.remove(found) == 0
    assert listed(maildir) == []


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of another user")
def test_a_file_of_somebody_else_is_no_message(maildir: Path) -> None:
    os.chown(put(maildir, "new/1.h"), 65534, 65534)
    assert listed(maildir) == []


@pytest.mark.parametrize("missing", ["new", "cur"])
def test_a_maildir_without_its_folders_cannot_be_listed(maildir: Path, missing: str) -> None:
    (maildir / missing).rmdir()
    with pytest.raises(OSError):
        listed(maildir)


def test_ten_thousand_messages_take_one_scan_of_each_folder_and_one_stat_each(maildir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Item:
        stats = 0

        def __init__(self, name: bytes) -> None:
            self.name = name

        def stat(self, *, follow_symlinks: bool) -> os.stat_result:
            assert not follow_symlinks
            Item.stats += 1
            return os.stat_result((0o100600, 1, 1, 1, os.geteuid(), 0, 17, 0, 1, 0))

    class Scan(list[Item]):
        def __enter__(self) -> Scan:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    scans = []

    def scandir(path: bytes) -> Scan:
        scans.append(path)
        return Scan([Item(b"%d.h" % i) for i in range(5_000)])

    monkeypatch.setattr(os, "scandir", scandir)
    assert len(listed(maildir)) == 10_000
    assert (len(scans), Item.stats) == (2, 10_000)


def test_a_message_is_read_after_its_flags_changed(maildir: Path) -> None:
    put(maildir, "new/1.a.h", b"hello")
    box, found = opened(maildir)
    os.rename(maildir / "new/1.a.h", maildir / "cur/1.a.h:2,S")
    for flags in ("RS", "FRS"):
        fd = box.open(found[0])
        assert os.read(fd, 100) == b"hello"
        os.close(fd)
        os.rename(next((maildir / "cur").iterdir()), maildir / f"cur/1.a.h:2,{flags}")
    (maildir / "cur/1.a.h:2,FRS").unlink()
    with pytest.raises(FileNotFoundError):
        box.open(found[0])


@pytest.mark.parametrize("kind", ["symlink", "fifo"])
def test_a_message_that_became_something_else_is_not_opened(maildir: Path, tmp_path: Path, kind: str) -> None:
    path = put(maildir, "new/1.a.h")
    box, found = opened(maildir)
    path.unlink()
    if kind == "symlink":
        path.symlink_to(put(tmp_path, "secret"))
    else:
        os.mkfifo(path)
    with pytest.raises(OSError):
        box.open(found[0])


def test_removing_finds_renamed_messages_and_minds_no_missing_ones(maildir: Path) -> None:
    for n in range(4):
        put(maildir, f"new/{n}.h", mtime_s=n)
    box, found = opened(maildir)
    os.rename(maildir / "new/1.h", maildir / "cur/1.h:2,F")
    (maildir / "new/2.h").unlink()
    assert box.remove(found[:3]) == 0
    assert names(maildir) == ["new/3.h"]


def test_a_thousand_missing_messages_cost_one_listing(maildir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box, found = Maildir(os.fsencode(maildir)), [Entry(b"new/%d.h" % n, 1, n) for n in range(1000)]
    listings = []
    real = maildir_reader.entries
    monkeypatch.setattr(maildir_reader, "entries", lambda path: listings.append(path) or real(path))
    assert box.remove(found) == 0
    assert len(listings) == 1


def test_what_cannot_be_removed_is_counted(maildir: Path) -> None:
    put(maildir, "new/1.h")
    box, found = opened(maildir)
    (maildir / "new/1.h").unlink()
    (maildir / "new/1.h").mkdir()  # unlink() refuses it, whoever asks
    assert box.remove(found) == 1


def test_new_mail_moves_to_cur_and_stays_unseen(maildir: Path) -> None:
    put(maildir, "new/1.h")
    put(maildir, "new/2.h:2,S")
    put(maildir, "cur/3.h:2,RS")
    box, found = opened(maildir)
    box.move_to_cur(found)
    assert names(maildir) == ["cur/1.h:2,", "cur/2.h:2,S", "cur/3.h:2,RS"]


@pytest.mark.parametrize(
    ("why", "files", "line"),
    [
        ("one message, its size in its name", {"cur/1.h,S=37:2,S": b"x" * 37}, b"         -37           -1\n"),
        ("several in one line", {"new/1.h,S=37": b"x" * 37, "new/2.h": b"x" * 5}, b"         -42           -2\n"),
        ("trashed ones were subtracted when they were marked", {"cur/1.h:2,ST": b"x"}, b""),
        ("nothing deleted", {}, b""),
    ],
)
def test_the_quota_follows(maildir: Path, why: str, files: dict[str, bytes], line: bytes) -> None:
    (maildir / "maildirsize").write_bytes(b"3000S\n")
    for name, text in files.items():
        put(maildir, name, text)
    box, found = opened(maildir)
    box.remove(found)
    assert (maildir / "maildirsize").read_bytes() == b"3000S\n" + line


def test_a_mailbox_without_quota_gets_no_maildirsize(maildir: Path) -> None:
    put(maildir, "new/1.h")
    box, found = opened(maildir)
    box.remove(found)
    assert not (maildir / "maildirsize").exists()


def test_the_stamp_changes_with_every_name_and_with_nothing_else(maildir: Path) -> None:
    path = os.fsencode(maildir)
    file = put(maildir, "new/1.h")
    os.utime(maildir / "new", (1, 1))
    before, changed_ns = maildir_reader.stamp(path)
    os.utime(file, (5, 5))
    assert maildir_reader.stamp(path) == (before, changed_ns)
    assert changed_ns > 10**18  # a time that nobody set
    os.rename(file, maildir / "cur/1.h:2,S")
    os.utime(maildir / "new", (1, 1))
    assert maildir_reader.stamp(path)[0].split(b".")[::2] == before.split(b".")[::2]
    moved = put(maildir, "tmp/2.h")
    assert [os.path.basename(p) for _, p in maildir_reader.compare(path, {b"cur/1.h:2,S": 7})[1]] == []
    os.rename(moved, maildir / "new/2.h")
    assert maildir_reader.compare(path, {b"cur/1.h:2,S": 7, b"cur/gone": 8}) == ([7], [((maildir / "new/2.h").stat().st_ino, b"new/2.h")])


@pytest.mark.parametrize("kind", ["link", "fifo", "folder", "hidden"])
def test_what_is_no_message_is_not_strange_but_nothing(maildir: Path, tmp_path: Path, kind: str) -> None:
    path = maildir / "new/1.h"
    match kind:
        case "link":
            path.symlink_to(put(tmp_path, "secret"))
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "hidden":
            put(maildir, "new/.1.h")
    assert maildir_reader.compare(os.fsencode(maildir), {}) == ([], [])
    assert maildir_reader.look(os.fsencode(path)) is None
    assert maildir_reader.open_unread(os.fsencode(path)) is None


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of another user")
def test_a_strange_file_of_somebody_else_is_not_read(maildir: Path) -> None:
    path = put(maildir, "new/1.h")
    os.chown(path, 65534, 65534)
    assert (maildir_reader.look(os.fsencode(path)), maildir_reader.open_unread(os.fsencode(path))) == (None, None)


def test_only_what_lies_36_hours_in_tmp_is_removed(maildir: Path) -> None:
    for name, age_s in (("old", 129_601), ("young", 129_600), (".old", 200_000)):
        os.utime(put(maildir, f"tmp/{name}"), (1_000_000 - age_s, 1_000_000))
    maildir_reader.clean_tmp(os.fsencode(maildir), 1_000_000)
    assert sorted(os.listdir(maildir / "tmp")) == [".old", "young"]
