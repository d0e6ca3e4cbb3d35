"""Enqueueing: what is acknowledged survives, whatever is cut off, and what fails leaves nothing that could be delivered."""

from __future__ import annotations

import errno
import random

import pytest

from mta.formats import todo
from mta.unix.queuedir import SPLIT, SYNCFS_FROM, TODO_TROUBLE, WRITE_ERROR, Enqueuer, QueueTrouble, Submission
from tests.support.sim_disk import PowerCut, Queue, SimDisk

ENVELOPE = todo.write(todo.Todo(7, 812, b"a@b", (b"x@y",)))
MESSAGE = b"Subject: x\n\n" + b"body\n" * 20


def enqueue(disk: SimDisk, count: int) -> list[Submission]:
    """A batch -> its submissions after the commit. Raises PowerCut."""
    enqueuer = Enqueuer(b".", pid=1, disk=disk)
    batch = []
    for _ in range(count):
        staged = enqueuer.stage(0)
        enqueuer.write(staged, [MESSAGE[:12], MESSAGE[12:]])
        batch.append(Submission(staged, ENVELOPE))
    enqueuer.commit(batch, 0)
    return batch


def mess_path(messnum: int) -> bytes:
    return b"./mess/%d/%d" % (messnum % SPLIT, messnum)


def check(disk: SimDisk, acknowledged: list[int]) -> None:
    """The invariants of S1 to S4."""
    queued = {int(n) for n in disk.listdir(b"./todo")}
    assert queued >= set(acknowledged), "acknowledged and gone"
    for messnum in queued:
        assert disk.text(b"./todo/%d" % messnum) == ENVELOPE, "an envelope that is not whole"
        assert disk.text(mess_path(messnum)) == MESSAGE, "a message that is not whole"
    for i in range(SPLIT):
        for name in disk.listdir(b"./mess/%d" % i):
            assert disk.stat(b"./mess/%d/%b" % (i, name)).st_ino == int(name), "a number that is not the inode's"


BATCHES = [1, 2, SYNCFS_FROM, SYNCFS_FROM + 2]


@pytest.mark.parametrize("count", BATCHES)
def test_a_batch_is_queued_whole(count: int) -> None:
    disk = SimDisk(Queue().folders)
    batch = enqueue(disk, count)
    assert [s.failed for s in batch] == [0] * count
    check(disk, [s.message.messnum for s in batch])
    assert disk.calls.count("syncfs") == (count >= SYNCFS_FROM)


def test_the_barrier_is_asked_of_the_file_that_was_opened_first() -> None:
    """What could not be written before a file was opened its descriptor never hears of."""
    asked: list[int] = []

    class Noting(SimDisk):
        def syncfs(self, fd: int) -> None:
            asked.append(fd)
            super().syncfs(fd)

    enqueuer = Enqueuer(b".", pid=1, disk=Noting(Queue().folders))
    staged = [enqueuer.stage(0) for _ in range(SYNCFS_FROM)]
    for one in staged:
        enqueuer.write(one, [MESSAGE])
    enqueuer.commit([Submission(one, ENVELOPE) for one in (*staged[1:], staged[0])], 0)
    assert asked == [staged[0].fd]


def test_what_was_written_before_a_syncfs_failed_fails_with_it() -> None:
    """Also what the next batch was to hold: nobody knows whose data was lost."""
    disk = SimDisk(Queue().folders)
    enqueuer = Enqueuer(b".", pid=1, disk=disk)

    def submission() -> Submission:
        staged = enqueuer.stage(0)
        enqueuer.write(staged, [MESSAGE])
        return Submission(staged, ENVELOPE)

    early = submission()
    batch = [submission() for _ in range(SYNCFS_FROM)]
    steps = enqueuer.steps(batch, 0)
    next(steps)
    meanwhile = submission()
    enqueuer.prepare(meanwhile, 0)
    with pytest.raises(StopIteration):
        steps.send(False)
    later = submission()
    enqueuer.commit([early, meanwhile, later], 0)
    assert [s.failed for s in (*batch, early, meanwhile, later)] == [WRITE_ERROR] * (SYNCFS_FROM + 2) + [0]
    check(disk, [later.message.messnum])
    assert sum(len(disk.listdir(b"./mess/%d" % i)) for i in range(SPLIT)) == 1


@pytest.mark.parametrize("count", BATCHES)
def test_q12_message_and_envelope_are_on_disk_before_their_name_in_todo(count: int) -> None:
    disk = SimDisk(Queue().folders)
    enqueue(disk, count)
    last_link = len(disk.calls) - 1 - disk.calls[::-1].index("link")
    accepting = disk.calls[last_link - count + 1 :]
    assert accepting == ["link"] * count + ["fsync"]
    assert disk.calls[last_link - count] in ("fsync", "syncfs")


@pytest.mark.parametrize("count", BATCHES)
def test_x07_what_was_acknowledged_survives_a_power_cut(count: int) -> None:
    disk = SimDisk(Queue().folders)
    batch = enqueue(disk, count)
    for kept in (lambda _: False, lambda _: True, *(lambda _, r=random.Random(i): r.random() < 0.5 for i in range(20))):
        check(disk.after_power_cut(kept), [s.message.messnum for s in batch])


@pytest.mark.parametrize("count", BATCHES)
def test_a_power_cut_at_any_call_leaves_a_legal_queue(count: int) -> None:
    whole = SimDisk(Queue().folders)
    enqueue(whole, count)
    for n in range(1, len(whole.calls) + 1):
        disk = SimDisk(Queue().folders)
        disk.stop_at = n
        with pytest.raises(PowerCut):
            enqueue(disk, count)
        for seed in range(8):
            chance = random.Random(seed)
            check(disk.after_power_cut(lambda _, c=chance: c.random() < 0.5), [])
        check(disk.after_power_cut(lambda _: True), [])


@pytest.mark.parametrize("count", BATCHES)
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EMFILE, errno.EROFS])
def test_an_error_at_any_call_is_told_and_nothing_half_made_is_queued(count: int, number: int) -> None:
    whole = SimDisk(Queue().folders)
    enqueue(whole, count)
    for n in range(1, len(whole.calls) + 1):
        disk = SimDisk(Queue().folders)
        disk.fail_at = (n, number)
        try:
            batch = enqueue(disk, count)
        except QueueTrouble:  # while the message was being written: its caller hears it at once
            check(disk, [])
            assert disk.listdir(b"./todo") == []
            continue
        assert any(s.failed for s in batch), f"call {n} failed and nobody was told"
        check(disk, [s.message.messnum for s in batch if not s.failed])
        for s in batch:
            if s.failed and not s.has_todo:
                assert b"%d" % s.message.messnum not in disk.listdir(b"./mess/%d" % (s.message.messnum % SPLIT))


def test_a_failed_fsync_is_not_tried_again_and_fails_the_whole_batch() -> None:
    for call, exit_ in (("syncfs", WRITE_ERROR), ("fsync", TODO_TROUBLE)):
        whole = SimDisk(Queue().folders)
        enqueue(whole, SYNCFS_FROM)
        disk = SimDisk(Queue().folders)
        disk.fail_at = (whole.calls.index(call) + 1, errno.EIO)
        batch = enqueue(disk, SYNCFS_FROM)
        assert [s.failed for s in batch] == [exit_] * SYNCFS_FROM
        assert disk.calls.count(call) == 1


class NoTmpfile(SimDisk):
    """A file system without unnamed files."""

    def open(self, path: bytes, flags: int, mode: int = 0o777) -> int:  # type: ignore[override]
        import os

        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "not here")
        return super().open(path, flags, mode)


def test_without_unnamed_files_they_live_in_pid() -> None:
    disk = NoTmpfile(Queue().folders)
    batch = enqueue(disk, 2)
    check(disk, [s.message.messnum for s in batch])
    assert disk.listdir(b"./pid") == []


def test_the_harness_catches_a_writer_that_does_not_sync() -> None:
    class Lazy(SimDisk):
        def fsync(self, fd: int) -> None:  # type: ignore[override]
            pass

    disk = Lazy(Queue().folders)
    batch = enqueue(disk, 1)
    with pytest.raises(AssertionError):
        check(disk.after_power_cut(lambda _: False), [s.message.messnum for s in batch])
