"""Delivery into Maildirs: one barrier for many, nothing reported before it lasts, nothing delivered twice."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta.errors import Temporary
from mta.unix import maildir_parts, mess
from mta.unix.disk import Disk
from mta.unix.maildir import SYNCFS_FROM, Deliverer
from mta.unix.maildir_parts import NO_MAILDIR, TROUBLE, Delivery
from tests.support import unprivileged
from tests.support.sim_disk import PowerCut
from tests.support.sim_maildir import MaildirDisk

TEXT = b"Subject: x\n\n" + b"body\n" * 20
HEAD = b"Return-Path: <a@b>\nDelivered-To: joe@h\n"
BOXES = [b"/%d/Maildir" % i for i in range(8)]


def make(path: Path) -> bytes:
    for part in ("", "tmp", "new", "cur"):
        (path / part).mkdir()
    return os.fsencode(path)


@pytest.fixture
def message(tmp_path: Path) -> Iterator[mess.Message]:
    (tmp_path / "mess").write_bytes(TEXT)
    fd = os.open(tmp_path / "mess", os.O_RDONLY)
    yield mess.message(fd, is_suspected=False)
    os.close(fd)


def suspected(message: mess.Message) -> mess.Message:
    return mess.message(message.fd, is_suspected=True)


def deliver(path: bytes, message: mess.Message, recipient: int = 1, disk: Disk | None = None) -> Delivery:
    deliverer = Deliverer(b"mx", disk or Disk())
    delivery = deliverer.stage(path, message, HEAD, recipient)
    deliverer.commit([delivery])
    return delivery


def files(path: bytes, folder: str = "new") -> list[str]:
    return sorted(os.listdir(Path(os.fsdecode(path)) / folder))


# -- one message -------------------------------------------------------------------------------------------------------------------


def test_l23_lines_message_mode_and_name(tmp_path: Path, message: mess.Message) -> None:
    path = make(tmp_path / "M")
    assert deliver(path, message).failure is None
    (name,) = files(path)
    file = tmp_path / "M/new" / name
    assert file.read_bytes() == HEAD + TEXT
    assert file.stat().st_mode & 0o777 == 0o600
    assert name.endswith(f".mx,S={len(HEAD) + len(TEXT)}")
    assert files(path, "tmp") == []


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 3_000_000])
def test_a_message_of_any_size_arrives_whole(tmp_path: Path, size: int) -> None:
    path = make(tmp_path / "M")
    data = random.Random(size).randbytes(size)
    (tmp_path / "mess").write_bytes(data)
    with (tmp_path / "mess").open("rb") as file:
        assert deliver(path, mess.message(file.fileno(), is_suspected=False)).failure is None
    assert (tmp_path / "M/new" / files(path)[0]).read_bytes() == HEAD + data


def test_a_message_that_became_shorter_is_not_delivered(tmp_path: Path, message: mess.Message) -> None:
    path = make(tmp_path / "M")
    os.truncate(tmp_path / "mess", 5)
    with pytest.raises(Temporary, match=r"^Unable to read message\. \(#4\.3\.0\)$"):
        deliver(path, message)
    assert files(path) == files(path, "tmp") == []


def test_the_position_of_the_descriptor_is_left_alone(tmp_path: Path, message: mess.Message) -> None:
    os.lseek(message.fd, 5, os.SEEK_SET)
    deliver(make(tmp_path / "M"), message)
    assert os.lseek(message.fd, 0, os.SEEK_CUR) == 5


@pytest.mark.parametrize(
    ("why", "spoil", "text"),
    [
        ("no such directory", lambda p: p.rename(p.with_name("away")), NO_MAILDIR),
        ("a file", lambda p: (p.rename(p.with_name("away")), p.write_bytes(b"")), NO_MAILDIR),
        ("no new/", lambda p: (p / "new").rmdir(), TROUBLE),
        ("no tmp/", lambda p: (p / "tmp").rmdir(), TROUBLE),
        ("new/ is a link", lambda p: ((p / "new").rename(p / "real"), (p / "new").symlink_to(p / "real")), TROUBLE),
        ("tmp/ is a link", lambda p: ((p / "tmp").rename(p / "real"), (p / "tmp").symlink_to(p / "real")), TROUBLE),
        ("new/ is a FIFO", lambda p: ((p / "new").rmdir(), os.mkfifo(p / "new")), TROUBLE),
    ],
)
def test_what_is_no_maildir_gets_no_mail(tmp_path: Path, message: mess.Message, why: str, spoil: object, text: str) -> None:
    path = make(tmp_path / "M")
    spoil(tmp_path / "M")  # type: ignore[operator]
    with pytest.raises(Temporary) as raised:
        deliver(path, message)
    assert raised.value.text == text, why
    assert list(tmp_path.rglob("*,S=*")) == []


def test_the_maildir_itself_may_be_a_link(tmp_path: Path, message: mess.Message) -> None:
    path = make(tmp_path / "big")
    (tmp_path / "M").symlink_to("big")
    assert deliver(os.fsencode(tmp_path / "M"), message).failure is None
    assert len(files(path)) == 1


@pytest.mark.root
def test_somebody_elses_new_in_the_maildir_gets_no_mail(tmp_path: Path, message: mess.Message) -> None:
    if not unprivileged.IS_ROOT:
        pytest.skip("only root can give files away")
    path = make(tmp_path / "M")
    os.chown(tmp_path / "M/new", unprivileged.NOBODY, -1)
    with pytest.raises(Temporary, match="^Temporary error on maildir delivery"):
        deliver(path, message)


@pytest.mark.root
def test_a_user_without_rights_delivers_without_a_trace_in_tmp(message: mess.Message) -> None:
    if not unprivileged.IS_ROOT:
        pytest.skip("only root can become somebody else")
    with unprivileged.folder() as folder:
        path = make(folder / "M")
        unprivileged.give(folder)
        pid = os.fork()
        if pid == 0:
            os.setresgid(unprivileged.GID, unprivileged.GID, unprivileged.GID)
            os.setresuid(unprivileged.UID, unprivileged.UID, unprivileged.UID)
            os._exit(0 if deliver(path, message).failure is None else 1)
        assert os.waitpid(pid, 0)[1] == 0
        assert (folder / "M/new" / files(path)[0]).stat().st_uid == unprivileged.UID
        assert files(path, "tmp") == []


# -- again -------------------------------------------------------------------------------------------------------------------------


def test_the_same_message_again_is_success_and_no_second_copy(tmp_path: Path, message: mess.Message) -> None:
    path = make(tmp_path / "M")
    assert not deliver(path, message).was_there
    again = deliver(path, message)
    assert again.failure is None and again.was_there
    assert len(files(path)) == 1


def test_another_recipient_or_another_line_is_another_copy(tmp_path: Path, message: mess.Message) -> None:
    path = make(tmp_path / "M")
    deliver(path, message, recipient=1)
    deliver(path, message, recipient=2)
    assert len(files(path)) == 2


@pytest.mark.parametrize("flags", [":2,", ":2,RS", ""])
def test_a_suspected_message_that_a_reader_has_moved_is_found_in_cur(tmp_path: Path, message: mess.Message, flags: str) -> None:
    path = make(tmp_path / "M")
    deliver(path, message)
    (name,) = files(path)
    (tmp_path / "M/new" / name).rename(tmp_path / "M/cur" / (name + flags))
    again = deliver(path, suspected(message))
    assert again.failure is None and again.was_there
    assert files(path) == [] and files(path, "cur") == [name + flags]


def test_a_message_that_is_not_suspected_costs_no_listing_of_cur(tmp_path: Path, message: mess.Message) -> None:
    class NoListing(Disk):
        @staticmethod
        def listdir(path: bytes) -> list[bytes]:
            raise AssertionError("listed")

    assert deliver(make(tmp_path / "M"), message, disk=NoListing()).failure is None


def test_other_bytes_under_the_name_are_kept_and_the_message_takes_another(tmp_path: Path, message: mess.Message) -> None:
    path = make(tmp_path / "M")
    name = os.fsdecode(deliver(path, message).name)
    stranger = b"z" * (len(HEAD) + len(TEXT))
    (tmp_path / "M/new" / name).write_bytes(stranger)
    for source in (message, suspected(message)):
        assert deliver(path, source).failure is None
    contents = {(tmp_path / "M/new" / n).read_bytes() for n in files(path)}
    assert contents == {stranger, HEAD + TEXT}
    assert len(files(path)) == 2


def test_a_link_or_fifo_under_the_name_is_neither_followed_nor_waited_for(tmp_path: Path, message: mess.Message) -> None:
    path = make(tmp_path / "M")
    name = os.fsdecode(deliver(path, message).name)
    file = tmp_path / "M/new" / name
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert not deliver(path, suspected(message)).was_there
    file.unlink()
    os.mkfifo(file)
    assert deliver(path, message).was_there  # the copy of the line before last


# -- many --------------------------------------------------------------------------------------------------------------------------


def batch(disk: MaildirDisk, count: int, boxes: int, *, is_suspected: bool = False) -> list[Delivery]:
    """count copies spread over so many Maildirs. Raises PowerCut."""
    deliverer = Deliverer(b"mx", disk)
    message = disk.message(TEXT, is_suspected=is_suspected)
    deliveries = []
    for i in range(count):
        try:
            deliveries.append(deliverer.stage(BOXES[i % boxes], message, HEAD, i))
        except Temporary as failure:
            deliveries.append(Delivery(maildir_parts.Maildir(b"", -1, -1, 0), b"", b"", b"", 0, None, failure=failure))
    deliverer.commit([d for d in deliveries if d.maildir.new >= 0])
    return deliveries


@pytest.mark.parametrize(
    ("why", "count", "boxes", "calls"),
    [
        ("one: file, then directory", 1, 1, ["fsync", "link", "fsync"]),
        ("few: each file, then each directory", 3, 2, ["fsync"] * 3 + ["link"] * 3 + ["fsync"] * 2),
        ("many to one mailbox: one barrier, one directory", 20, 1, ["syncfs"] + ["link"] * 20 + ["fsync"]),
        ("many to many mailboxes: two barriers", 20, 8, ["syncfs"] + ["link"] * 20 + ["syncfs"]),
    ],
)
def test_how_often_the_disk_is_waited_for(why: str, count: int, boxes: int, calls: list[str]) -> None:
    disk = MaildirDisk(BOXES)
    assert [d.failure for d in batch(disk, count, boxes)] == [None] * count
    assert disk.calls[2 * count :] == calls, why
    assert disk.open_files == 1, "the message's"


SHAPES = [(1, 1), (2, 2), (SYNCFS_FROM, 1), (6, 5)]
CHANCES = [lambda _: False, lambda _: True, *(lambda _, r=random.Random(i): r.random() < 0.5 for i in range(10))]


@pytest.mark.parametrize("has_unnamed", [True, False])
@pytest.mark.parametrize(("count", "boxes"), SHAPES)
def test_x_a_power_cut_at_any_call_loses_nothing_reported_and_repeating_doubles_nothing(count: int, boxes: int, has_unnamed: bool) -> None:
    whole = MaildirDisk(BOXES, has_unnamed=has_unnamed)
    batch(whole, count, boxes)
    for n in range(1, len(whole.calls) + 2):
        disk = MaildirDisk(BOXES, has_unnamed=has_unnamed)
        disk.stop_at = n
        try:
            is_reported = all(d.failure is None for d in batch(disk, count, boxes))
        except PowerCut:
            is_reported = False
        for chance in CHANCES:
            after = disk.survivor(chance)
            for box in BOXES:
                assert all(text == HEAD + TEXT for text in after.new(box)), f"cut at call {n}: a message that is not whole"
            if is_reported:
                assert sum(len(after.new(box)) for box in BOXES) == count, f"cut at call {n}: reported and gone"
            assert [d.failure for d in batch(after, count, boxes, is_suspected=True)] == [None] * count
            assert sum(len(after.new(box)) for box in BOXES) == count, f"cut at call {n}: delivered twice, or not at all"


@pytest.mark.parametrize(("count", "boxes"), SHAPES)
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_an_error_at_any_call_is_told_and_what_was_told_as_failed_is_repeated_once(count: int, boxes: int, number: int) -> None:
    whole = MaildirDisk(BOXES)
    batch(whole, count, boxes)
    for n in range(1, len(whole.calls) + 1):
        disk = MaildirDisk(BOXES)
        disk.fail_at = (n, number)
        deliveries = batch(disk, count, boxes)
        assert any(d.failure is not None for d in deliveries), f"call {n} failed and nobody was told"
        disk.fail_at = None
        assert [d.failure for d in batch(disk, count, boxes, is_suspected=True)] == [None] * count
        assert sum(len(disk.new(box)) for box in BOXES) == count


@pytest.mark.parametrize(("count", "call"), [(SYNCFS_FROM, "syncfs"), (1, "fsync")])
def test_a_file_whose_sync_failed_is_given_up_and_never_synced_again(count: int, call: str) -> None:
    disk = MaildirDisk(BOXES)
    disk.fail_at = (2 * count + 1, errno.EIO)
    deliveries = batch(disk, count, 1)
    assert [str(d.failure) for d in deliveries] == [TROUBLE] * count
    assert disk.calls[2 * count :] == [call], "no second try, no name"
    assert disk.new(BOXES[0]) == []


def test_names_that_may_not_last_are_taken_back() -> None:
    disk = MaildirDisk(BOXES)
    disk.fail_at = (5, errno.EIO)  # create, write, fsync, link, then the directory
    (delivery,) = batch(disk, 1, 1)
    assert str(delivery.failure) == TROUBLE
    assert disk.new(BOXES[0]) == []


def test_a_failed_file_does_not_hold_up_the_others() -> None:
    disk = MaildirDisk(BOXES)
    disk.fail_at = (7, errno.EIO)  # the first fsync of three
    failures = [d.failure is None for d in batch(disk, 3, 3)]
    assert failures == [False, True, True]
    assert [len(disk.new(box)) for box in BOXES[:3]] == [0, 1, 1]


def test_a_copy_that_depends_on_a_failed_one_is_not_published() -> None:
    disk = MaildirDisk(BOXES)
    deliverer = Deliverer(b"mx", disk)
    message = disk.message(TEXT)
    first = deliverer.stage(BOXES[0], message, HEAD, 1)
    second = deliverer.stage(BOXES[1], message, HEAD, 2, first)
    disk.fail_at = (5, errno.EIO)
    deliverer.commit([first, second])
    assert first.failure is not None and second.failure is first.failure
    assert disk.new(BOXES[1]) == []


def test_an_abandoned_copy_leaves_nothing() -> None:
    for has_unnamed in (True, False):
        disk = MaildirDisk(BOXES, has_unnamed=has_unnamed)
        deliverer = Deliverer(b"mx", disk)
        deliverer.abandon(deliverer.stage(BOXES[0], disk.message(TEXT), HEAD, 1))
        deliverer.commit([])
        assert (disk.names[BOXES[0] + b"/tmp"], disk.open_files) == ({}, 1)


def test_without_proc_files_get_names_in_tmp(tmp_path: Path, message: mess.Message) -> None:
    class NoProc(Disk):
        @staticmethod
        def stat(path: bytes) -> os.stat_result:  # type: ignore[override]
            raise FileNotFoundError(errno.ENOENT, "no /proc", path)

        @staticmethod
        def link_unnamed(fd: int, target: bytes, *, dir_fd: int | None = None) -> None:
            raise AssertionError("cannot work here")

    path = make(tmp_path / "M")
    (tmp_path / "M/tmp").joinpath("left").write_bytes(b"of others")
    assert deliver(path, message, disk=NoProc()).failure is None
    assert (len(files(path)), files(path, "tmp")) == (1, ["left"])
