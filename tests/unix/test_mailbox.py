from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta.formats import maildirsize
from mta.unix import mail_folder
from mta.unix.mail_folder import Entry
from mta.unix.mailbox import Mailbox


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    for part in ("cur", "new", "tmp"):
        (tmp_path / "Maildir" / part).mkdir(parents=True)
    return tmp_path / "Maildir"


@pytest.fixture
def mailbox(maildir: Path) -> Iterator[Mailbox]:
    with Mailbox(os.fsencode(maildir)) as opened:
        yield opened


def put(maildir: Path, path: str, data: bytes = b"A: b\n\nx\n") -> Path:
    file = maildir / path
    for part in ("cur", "new", "tmp"):
        (file.parent.parent / part).mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return file


def listing(maildir: Path, folder: str = "cur") -> list[str]:
    return sorted(p.name for p in (maildir / folder).iterdir())


# ---- folders ----


def test_it_lists_folders(maildir: Path, mailbox: Mailbox) -> None:
    for name in (".Work", ".Work.2024", ".Trash", "not-a-folder"):
        for part in ("cur", "new", "tmp"):
            (maildir / name / part).mkdir(parents=True)
    (maildir / ".empty").mkdir()
    (maildir / ".half" / "cur").mkdir(parents=True)
    (maildir / ".odd" / "cur").mkdir(parents=True)
    (maildir / ".odd" / "new").write_text("")
    (maildir / ".file").write_text("")
    (maildir / ".link").symlink_to("/etc")
    (maildir / "...").mkdir()
    assert mailbox.folders() == [b"", b".Trash", b".Work", b".Work.2024"]


def test_it_makes_a_folder_with_all_that_belongs_to_it(maildir: Path, mailbox: Mailbox) -> None:
    mailbox.make_folder(b".New")
    assert sorted(p.name for p in (maildir / ".New").iterdir()) == ["cur", "maildirfolder", "new", "tmp"]
    assert (maildir / ".New").stat().st_mode & 0o777 == 0o700


def test_it_completes_a_folder_that_was_half_made(maildir: Path, mailbox: Mailbox) -> None:
    (maildir / ".Half" / "cur").mkdir(parents=True)
    mailbox.make_folder(b".Half")
    assert mailbox.folder(b".Half").entries() == []


def test_it_does_not_follow_a_link_in_place_of_a_folder(maildir: Path, mailbox: Mailbox, tmp_path: Path) -> None:
    for part in ("cur", "new", "tmp"):
        (tmp_path / "elsewhere" / part).mkdir(parents=True)
    (maildir / ".Link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        mailbox.folder(b".Link")
    with pytest.raises(OSError):
        mailbox.make_folder(b".Link")


def test_the_maildir_itself_is_no_link(maildir: Path, tmp_path: Path) -> None:
    (tmp_path / "Link").symlink_to(maildir)
    with pytest.raises(OSError):
        Mailbox(os.fsencode(tmp_path / "Link"))


def test_many_folders_need_few_descriptors(maildir: Path, mailbox: Mailbox) -> None:
    for n in range(20):
        put(maildir, f".F{n}/cur/1.a:2,")
    before = len(os.listdir("/proc/self/fd"))
    for directory in mailbox.folders():
        mailbox.stamp(directory)
        mailbox.folder(directory)
        mailbox.shut(directory)
    assert len(os.listdir("/proc/self/fd")) == before


# ---- messages ----


def test_it_lists_messages_once(maildir: Path, mailbox: Mailbox) -> None:
    for path in ("cur/1.a:2,S", "new/2.b", "new/1.a", "cur/.hidden", "new/3.c:2,F"):
        put(maildir, path)
    found = sorted(mailbox.folder(b"").entries(), key=lambda e: e.name)
    assert found == [Entry(b"1.a:2,S", False), Entry(b"2.b", True), Entry(b"3.c:2,F", True)]
    assert [e.base for e in found] == [b"1.a", b"2.b", b"3.c"]
    assert [e.flags for e in found] == [b"S", b"", b"F"]


def test_it_takes_what_is_new(maildir: Path, mailbox: Mailbox) -> None:
    put(maildir, "new/2.b")
    put(maildir, "new/3.c:2,F")
    mailbox.folder(b"").take_new()
    assert listing(maildir) == ["2.b:2,", "3.c:2,F"]
    assert listing(maildir, "new") == []


def test_a_crash_between_link_and_unlink_leaves_one_message(maildir: Path, mailbox: Mailbox) -> None:
    os.link(put(maildir, "new/1.a"), maildir / "cur" / "1.a:2,")
    mailbox.folder(b"").take_new()
    assert (listing(maildir), listing(maildir, "new")) == (["1.a:2,"], [])


def test_two_messages_of_one_name_are_both_kept(maildir: Path, mailbox: Mailbox) -> None:
    put(maildir, "new/1.a", b"one")
    put(maildir, "cur/1.a:2,", b"two")
    mailbox.folder(b"").take_new()
    assert sorted(p.read_bytes() for p in (maildir / "cur").iterdir()) == [b"one", b"two"]


def test_it_reads_a_message(maildir: Path, mailbox: Mailbox) -> None:
    put(maildir, "cur/1.a:2,", b"0123456789")
    with mailbox.folder(b"").open(Entry(b"1.a:2,", False)) as file:
        assert (file.size, file.read(2, 5), file.read(8, 100), file.read(5, 5), file.read(7, 3)) == (10, b"234", b"89", b"", b"")


def test_a_file_that_shrinks_just_ends(maildir: Path, mailbox: Mailbox) -> None:
    path = put(maildir, "cur/1.a:2,", b"0123456789")
    with mailbox.folder(b"").open(Entry(b"1.a:2,", False)) as file:
        os.truncate(path, 4)
        assert file.read(0, 10) == b"0123"


def test_it_opens_nothing_but_regular_files(maildir: Path, mailbox: Mailbox) -> None:
    (maildir / "cur" / "link").symlink_to("/etc/passwd")
    (maildir / "cur" / "dead").symlink_to("/nowhere")
    os.mkfifo(maildir / "cur" / "fifo")
    (maildir / "cur" / "dir").mkdir()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(os.fsencode(maildir / "cur" / "socket"))
        for name in (b"link", b"dead", b"fifo", b"dir", b"socket"):
            with pytest.raises(PermissionError):
                mailbox.folder(b"").open(Entry(name, False))
    with pytest.raises(FileNotFoundError):
        mailbox.folder(b"").open(Entry(b"gone", False))


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make a file of another user")
def test_it_opens_no_file_of_another_user(maildir: Path, mailbox: Mailbox) -> None:
    os.chown(put(maildir, "cur/1.a:2,"), 12345, 12345)
    with pytest.raises(PermissionError):
        mailbox.folder(b"").open(Entry(b"1.a:2,", False))


@pytest.mark.parametrize(
    ("why", "name", "add", "remove", "after"),
    [
        ("seen", "cur/1.a:2,", b"S", b"", "1.a:2,S"),
        ("in order", "cur/1.a:2,S", b"FR", b"", "1.a:2,FRS"),
        ("taken off", "cur/1.a:2,FS", b"", b"S", "1.a:2,F"),
        ("already so", "cur/1.a:2,S", b"S", b"", "1.a:2,S"),
        ("from new", "new/1.a", b"S", b"", "1.a:2,S"),
        ("letters we do not know stay", "cur/1.a:2,Sab", b"F", b"", "1.a:2,FSab"),
        ("each once", "cur/1.a:2,SSRR", b"S", b"", "1.a:2,RS"),
        ("unknown kinds of info go", "cur/1.a:1,x", b"S", b"", "1.a:2,S"),
    ],
)
def test_it_sets_flags(maildir: Path, mailbox: Mailbox, why: str, name: str, add: bytes, remove: bytes, after: str) -> None:
    put(maildir, name)
    folder = mailbox.folder(b"")
    found = folder.set_flags(folder.entries()[0], add, remove)
    assert listing(maildir) == [after], why
    assert found == Entry(after.encode(), False), why


def test_flags_are_set_on_a_message_another_reader_has_renamed(maildir: Path, mailbox: Mailbox) -> None:
    put(maildir, "cur/1.a:2,F")
    mailbox.folder(b"").set_flags(Entry(b"1.a:2,", False), b"S")
    assert listing(maildir) == ["1.a:2,FS"]
    with pytest.raises(FileNotFoundError):
        mailbox.folder(b"").set_flags(Entry(b"9.z:2,", False), b"S")


# ---- moves, removal, quota ----

QUOTA = b"3000S,10C\n          37            1\n"


def usage(mailbox: Mailbox) -> tuple[int, int]:
    found = mailbox.usage()
    assert found is not None
    return found[1].size_bytes, found[1].messages


def test_it_moves_with_flags(maildir: Path, mailbox: Mailbox) -> None:
    put(maildir, "cur/1.a,S=8:2,FS")
    put(maildir, "new/2.b")
    work = mailbox.make_folder(b".Work")
    assert mailbox.folder(b"").move([*mailbox.folder(b"").entries(), Entry(b"9.gone:2,", False)], work) == 2
    assert (listing(maildir), listing(maildir, "new")) == ([], [])
    assert listing(maildir / ".Work") == ["1.a,S=8:2,FS", "2.b:2,"]


def test_a_move_overwrites_nothing(maildir: Path, mailbox: Mailbox) -> None:
    put(maildir, "cur/1.a:2,S", b"one")
    put(maildir, ".Work/cur/1.a:2,S", b"two")
    mailbox.folder(b"").move(mailbox.folder(b"").entries(), mailbox.folder(b".Work"))
    assert sorted(p.read_bytes() for p in (maildir / ".Work" / "cur").iterdir()) == [b"one", b"two"]


@pytest.mark.parametrize(
    ("why", "source", "target", "name", "change"),
    [
        ("into Trash it counts no more", b"", b".Trash", "1.a,S=8:2,S", (-8, -1)),
        ("out of Trash it counts again", b".Trash", b"", "1.a,S=8:2,S", (8, 1)),
        ("elsewhere nothing changes", b"", b".Work", "1.a,S=8:2,S", (0, 0)),
        ("without S= the file is measured", b"", b".Trash", "1.a:2,S", (-8, -1)),
        ("what is marked T did not count", b"", b".Trash", "1.a,S=8:2,ST", (0, 0)),
    ],
)
def test_a_move_is_accounted(
    maildir: Path, mailbox: Mailbox, why: str, source: bytes, target: bytes, name: str, change: tuple[int, int]
) -> None:
    (maildir / "maildirsize").write_bytes(QUOTA)
    mailbox.make_folder(target)
    mailbox.make_folder(source)
    put(maildir / source.decode(), f"cur/{name}")
    mailbox.folder(source).move(mailbox.folder(source).entries(), mailbox.folder(target))
    assert usage(mailbox) == (37 + change[0], 1 + change[1]), why


@pytest.mark.parametrize(("why", "folder", "change"), [("anywhere", b"", (-8, -1)), ("in Trash it counted no more", b".Trash", (0, 0))])
def test_removal_is_accounted(maildir: Path, mailbox: Mailbox, why: str, folder: bytes, change: tuple[int, int]) -> None:
    (maildir / "maildirsize").write_bytes(QUOTA)
    mailbox.make_folder(folder)
    put(maildir / folder.decode(), "cur/1.a,S=8:2,S")
    found = mailbox.folder(folder)
    assert found.remove([*found.entries(), Entry(b"9.gone:2,", False)]) == 1
    assert found.entries() == []
    assert usage(mailbox) == (37 + change[0], 1 + change[1]), why


def test_lines_of_maildirsize_are_those_of_courier(maildir: Path, mailbox: Mailbox) -> None:
    (maildir / "maildirsize").write_bytes(b"3000S,10C\n")
    mailbox.account(37, 1)
    mailbox.account(-37, -1)
    assert (maildir / "maildirsize").read_bytes() == b"3000S,10C\n" + maildirsize.change(37, 1) + maildirsize.change(-37, -1)


def test_without_maildirsize_nothing_is_counted(maildir: Path, mailbox: Mailbox) -> None:
    mailbox.account(37, 1)
    assert not (maildir / "maildirsize").exists()
    assert mailbox.usage() is None
    assert mailbox.has_room(10**9)


@pytest.mark.parametrize(
    ("why", "data", "octets", "fits"),
    [
        ("it just fits", QUOTA, 2963, True),
        ("one octet too many", QUOTA, 2964, False),
        ("as many messages as may be", b"10C\n" + maildirsize.change(0, 10), 1, False),
        ("rubbish is no limit", b"rubbish\n", 10**9, True),
    ],
)
def test_it_knows_whether_there_is_room(maildir: Path, mailbox: Mailbox, why: str, data: bytes, octets: int, fits: bool) -> None:
    (maildir / "maildirsize").write_bytes(data)
    assert mailbox.has_room(octets) is fits, why


def test_a_maildirsize_that_is_a_link_is_not_followed(maildir: Path, mailbox: Mailbox, tmp_path: Path) -> None:
    (tmp_path / "target").write_text("")
    (maildir / "maildirsize").symlink_to(tmp_path / "target")
    mailbox.account(1, 1)
    assert mailbox.usage() is None
    assert (tmp_path / "target").read_text() == ""


# ---- storing ----


def test_it_stores_a_message(maildir: Path, mailbox: Mailbox) -> None:
    (maildir / "maildirsize").write_bytes(QUOTA)
    base = mailbox.folder(b"").deliver([b"A: b\n\n", b"x\n"], b"S", b"0123456789abcdef")
    (name,) = listing(maildir)
    assert name == base.decode() + ":2,S"
    assert ",S=8" in name
    assert mail_folder.is_marked(base, b"0123456789abcdef")
    assert not mail_folder.is_marked(base, b"123456789abcdef")
    assert listing(maildir, "tmp") == []
    assert usage(mailbox) == (45, 2)


def test_names_are_unique() -> None:
    assert len({mail_folder.unique(1) for _ in range(1000)}) == 1000


def test_a_message_that_cannot_be_written_leaves_nothing(maildir: Path, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mailbox.disk, "write", full)
    with pytest.raises(OSError):
        mailbox.folder(b"").deliver([b"x"])
    assert (listing(maildir), listing(maildir, "tmp")) == ([], [])


def test_small_files_are_replaced_whole(maildir: Path, mailbox: Mailbox) -> None:
    assert mailbox.read_file(b"settings", 100) is None
    mailbox.replace_file(b"settings", b"one")
    mailbox.replace_file(b"settings", b"two")
    assert mailbox.read_file(b"settings", 100) == b"two"
    assert listing(maildir, "tmp") == []
    (maildir / "link").symlink_to("/etc/passwd")
    assert mailbox.read_file(b"link", 100) is None


def test_one_at_a_time_holds_the_lock(maildir: Path, mailbox: Mailbox) -> None:
    import fcntl

    with mailbox.lock(b"lock"):
        fd = os.open(maildir / "lock", os.O_WRONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(fd)


def test_the_stamp_changes_with_the_listing(maildir: Path, mailbox: Mailbox) -> None:
    before = mailbox.stamp(b"")[0]
    put(maildir, "new/1.a")
    os.utime(maildir / "new", ns=(time.time_ns(), time.time_ns() + 5_000_000_000))
    assert mailbox.stamp(b"")[0] != before


def test_a_move_that_a_crash_cut_short_is_completed_and_makes_no_second_copy(maildir: Path, mailbox: Mailbox) -> None:
    file = put(maildir, "cur/1.a.h:2,S")
    target = mailbox.make_folder(b".Work")
    os.link(file, maildir / ".Work/cur/1.a.h:2,")  # its name there came first; then somebody read it here
    assert mailbox.folder(b"").move([Entry(b"1.a.h:2,S", False)], target) == 1
    assert (listing(maildir), listing(maildir, ".Work/cur")) == ([], ["1.a.h:2,"])


def test_a_message_with_two_names_is_moved_all_the_same(maildir: Path, mailbox: Mailbox) -> None:
    file = put(maildir, "cur/1.a.h:2,S")
    os.link(file, maildir / "cur/2.b.h:2,")
    target = mailbox.make_folder(b".Work")
    assert mailbox.folder(b"").move([Entry(b"1.a.h:2,S", False)], target) == 1
    assert (listing(maildir), listing(maildir, ".Work/cur")) == (["2.b.h:2,"], ["1.a.h:2,S"])
