from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from mta.formats import maildirsize
from mta.formats.maildirsize import Quota, Usage
from mta.unix import maildir_count, maildirquota
from mta.unix.maildirquota import NAME

NOW = 1_795_000_000
QUOTA = Quota(3000, 10)


@pytest.fixture
def box(tmp_path: Path) -> Path:
    return make(tmp_path / "Maildir")


def make(path: Path) -> Path:
    for part in ("", "tmp", "new", "cur"):
        (path / part).mkdir()
    return path


def folder(box: Path, name: str) -> Path:
    path = make(box / name)
    (path / "maildirfolder").touch()
    return path


def reserve(box: Path, size: int = 37, quota: Quota = QUOTA, now_s: int = NOW, pending: Usage = Usage()) -> Usage | None:
    return maildirquota.reserve(os.fsencode(box), quota, size, now_s, pending)


def written(box: Path, quota: bytes, *changes: tuple[int, int], age_s: int = 0) -> None:
    file = box / os.fsdecode(NAME)
    file.write_bytes(quota + b"\n" + b"".join(maildirsize.change(*c) for c in changes))
    os.utime(file, (NOW - age_s, NOW - age_s))


def lines(box: Path) -> list[bytes]:
    return (box / os.fsdecode(NAME)).read_bytes().splitlines(keepends=True)


def test_c41_the_first_delivery_makes_the_file_a_removal_adds_a_line(box: Path) -> None:
    assert reserve(box) == Usage(37, 1)
    assert lines(box) == [b"3000S,10C\n", b"%12d %12d\n" % (0, 0), b"%12d %12d\n" % (37, 1)]
    maildirquota.change(os.fsencode(box), -37, -1)
    assert lines(box)[-1] == b"%12d %12d\n" % (-37, -1)
    assert maildirquota.load(os.fsencode(box)) is not None


def test_without_quota_and_file_nothing_is_kept(box: Path) -> None:
    assert reserve(box, quota=Quota()) == Usage()
    maildirquota.change(os.fsencode(box), -37, -1)
    assert not (box / "maildirsize").exists()


def test_a_file_that_is_there_is_kept_up_without_a_quota_too(box: Path) -> None:
    written(box, b"NOQUOTA", (5, 1))
    assert reserve(box, quota=Quota()) == Usage(42, 2)
    assert lines(box)[0] == b"NOQUOTA\n"


def test_what_does_not_fit_is_not_noted(box: Path) -> None:
    written(box, b"3000S,10C", (2990, 5))
    assert reserve(box) is None
    assert len(lines(box)) == 2


def test_c42_what_counts(box: Path) -> None:
    (box / "new/1.h,S=10").write_bytes(b"x" * 99)
    (box / "cur/2.h,S=20:2,S").touch()
    (box / "cur/3.h:2,").write_bytes(b"x" * 5)
    (box / "cur/4.h,S=1000:2,ST").touch()
    (box / "cur/.hidden").write_bytes(b"x" * 1000)
    (box / "cur/sub").mkdir()
    (box / "cur/link").symlink_to("/etc/passwd")
    (folder(box, ".Work.2024") / "cur/5.h,S=40:2,S").touch()
    (folder(box, ".Trash") / "cur/6.h,S=1000:2,S").touch()
    (folder(box, ".Trashed") / "new/7.h,S=80").touch()
    (box / ".notafolder").mkdir()
    (box / ".elsewhere").symlink_to(make(box.parent / "Other"))
    (box.parent / "Other/new/8.h,S=1000").touch()
    assert maildirquota.recount(os.fsencode(box), QUOTA) == Usage(155, 5)
    assert lines(box) == [b"3000S,10C\n", b"%12d %12d\n" % (155, 5)]


RECOUNTED = [
    ("another quota", b"4000S", [(2000, 1)], 0),
    ("garbage", b"3000S,10C", [], 0),
    ("sums below nothing", b"3000S,10C", [(-1, 0)], 0),
    ("too long", b"3000S,10C", [(1, 0)] * 200, 0),
    ("over, and old", b"3000S,10C", [(2990, 1)], 901),
]


@pytest.mark.parametrize(("why", "quota", "changes", "age_s"), RECOUNTED)
def test_the_files_are_counted_afresh(box: Path, why: str, quota: bytes, changes: list[tuple[int, int]], age_s: int) -> None:
    (box / "cur/1.h,S=10:2,S").touch()
    written(box, quota, *changes, age_s=age_s)
    if why == "garbage":
        (box / "maildirsize").write_bytes(b"3000S,10C\nmany many\n")
    assert reserve(box) == Usage(47, 2), why
    assert lines(box) == [b"3000S,10C\n", b"%12d %12d\n" % (10, 1), b"%12d %12d\n" % (37, 1)]


def test_the_same_quota_in_other_words_is_the_same(box: Path) -> None:
    written(box, b"10485760S", (5, 1))
    reserve(box, quota=maildirsize.read_quota(b"10M"))
    assert len(lines(box)) == 3


def test_what_is_reserved_and_not_published_yet_is_counted_with_the_files(box: Path) -> None:
    written(box, b"1S")
    assert reserve(box, pending=Usage(100, 2)) == Usage(137, 3)


def test_a_count_during_which_something_came_is_not_kept(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []
    real = maildir_count.count

    def busy(folders: list[bytes]) -> tuple[int, int]:
        usage = real(folders)
        counts.append(usage)
        (box / f"new/{len(counts)}.h,S=1").touch()
        os.utime(box / "new", ns=(len(counts), len(counts)))
        return usage

    monkeypatch.setattr(maildir_count, "count", busy)
    assert maildirquota.recount(os.fsencode(box), QUOTA) == Usage(2, 2)
    assert len(counts) == 3
    assert not (box / "maildirsize").exists()


def test_one_counts_at_a_time(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most = [0], [0]
    real = maildir_count.count
    together = threading.Barrier(4)

    def counting(folders: list[bytes]) -> tuple[int, int]:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        usage = real(folders)
        inside[0] -= 1
        return usage

    def run() -> None:
        together.wait()
        for _ in range(20):
            maildirquota.recount(os.fsencode(box), QUOTA)

    monkeypatch.setattr(maildir_count, "count", counting)
    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_r50_parallel_deliveries_go_over_by_one_message_each_at_most(box: Path) -> None:
    written(box, b"3000S", (2900, 1))
    together = threading.Barrier(8)
    granted: list[Usage | None] = []

    def run() -> None:
        together.wait()
        granted.extend(reserve(box, quota=Quota(3000)) for _ in range(10))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    book = maildirquota.load(os.fsencode(box))
    assert book is not None
    assert book.usage.size_bytes == 2900 + 37 * sum(g is not None for g in granted)
    assert 3000 - 37 < book.usage.size_bytes <= 3000 + 8 * 37


@pytest.mark.parametrize(
    ("why", "path", "root"),
    [
        ("the Maildir itself", "Maildir/", "Maildir"),
        ("a folder", "Maildir/.Work/", "Maildir"),
        ("a directory that is no folder", "Maildir/.Plain", "Maildir/.Plain"),
    ],
)
def test_a_folder_counts_in_the_maildir_above_it(tmp_path: Path, box: Path, why: str, path: str, root: str) -> None:
    folder(box, ".Work")
    make(box / ".Plain")
    top = os.fsencode(tmp_path)
    assert maildirquota.root(top + b"/" + path.encode()) == top + b"/" + root.encode(), why


def test_links_and_fifos_in_the_place_of_the_file_are_left_alone(box: Path) -> None:
    victim = box.parent / "victim"
    victim.write_bytes(b"3000S,10C\n")
    (box / "maildirsize").symlink_to(victim)
    maildirquota.change(os.fsencode(box), 1, 1)
    assert victim.read_bytes() == b"3000S,10C\n"
    assert reserve(box) == Usage(37, 1)
    assert victim.read_bytes() == b"3000S,10C\n" and not (box / "maildirsize").is_symlink()
    (box / "maildirsize").unlink()
    os.mkfifo(box / "maildirsize")
    maildirquota.change(os.fsencode(box), 1, 1)
    assert reserve(box) == Usage(37, 1)
    assert lines(box)[0] == b"3000S,10C\n"
