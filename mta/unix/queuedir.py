"""The queue directory: where the files of a message lie, and its moves from nothing (S1) to queued (S4).

mess/H/N  the message; N is its inode number, H is N mod 23.   intd/N, todo/N  the envelope (formats/todo)
info/H/N, local/H/N, remote/H/N, bounce/N  written by qmail-send.   pid/  where a file lives before it has its number

Enqueue, for all messages that wait together (one batch):
  1 write each message and each envelope into a file without a name       nothing to clean up if we die here
  2 link each message to mess/H/N                          # +mess         S2
  3 one barrier: messages, envelopes and the names in mess/ are on disk
  4 link each envelope to todo/N                           # +todo         S4: queued
  5 fsync todo/ once                                                       now all of the batch may be acknowledged
  6 pull the trigger
A barrier is one syncfs when many wait, else an fsync per file and directory. After a failed barrier nothing of the batch is linked to
todo/, its messages are forgotten, and each caller hears exit 53: a file whose fsync failed is never synced again.
Where the file system has no unnamed files (O_TMPFILE) they are made in pid/ and renamed.
Crash     S2 left-overs are removed by qmail-send after 36 hours, files in pid/ by qmail-clean.
Source    INTERNALS 3, qmail-queue.c; the directory barriers are ours (docs/queue-states.md)
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

from mta.unix import trigger
from mta.unix.disk import REAL, Disk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    Steps = Generator[Callable[[], bool], bool, None]

SPLIT = 23  # conf-split: the same for every program that touches the queue
SYNCFS_FROM = 4  # messages waiting together from which one syncfs is cheaper than their fsyncs (bench/enqueue)
_NO_TMPFILE = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT)

# qmail-queue's exit codes for trouble in each place
WRITE_ERROR, PID_TROUBLE, MESS_TROUBLE, INTD_TROUBLE, TODO_TROUBLE = 53, 63, 64, 65, 66


class QueueTrouble(Exception):
    """exit: qmail-queue's code for it."""

    def __init__(self, exit_: int, why: OSError) -> None:
        super().__init__(f"{exit_}: {why}")
        self.exit = exit_


@dataclass(frozen=True, slots=True)
class Paths:
    """Names of a queue's files. root: the queue directory, b"." after a chdir."""

    root: bytes

    def split(self, messnum: int) -> bytes:
        return b"%d/%d" % (messnum % SPLIT, messnum)

    def mess(self, messnum: int) -> bytes:
        return b"%b/mess/%d/%d" % (self.root, messnum % SPLIT, messnum)

    def info(self, messnum: int) -> bytes:
        return b"%b/info/%d/%d" % (self.root, messnum % SPLIT, messnum)

    def channel(self, name: bytes, messnum: int) -> bytes:
        """name: b"local" or b"remote"."""
        return b"%b/%b/%d/%d" % (self.root, name, messnum % SPLIT, messnum)

    def todo(self, messnum: int) -> bytes:
        return b"%b/todo/%d" % (self.root, messnum)

    def intd(self, messnum: int) -> bytes:
        return b"%b/intd/%d" % (self.root, messnum)

    def bounce(self, messnum: int) -> bytes:
        return b"%b/bounce/%d" % (self.root, messnum)

    def trigger(self) -> bytes:
        return b"%b/lock/trigger" % self.root

    def folder(self, name: bytes) -> bytes:
        return b"%b/%b" % (self.root, name)


def numbers(names: list[bytes]) -> Iterator[int]:
    """The message numbers among directory entries; every other name is passed over."""
    return (int(name) for name in names if name.isdigit())


class Staged:
    """A file that has its number but no name in the queue yet. messnum is its inode number. serial: those opened earlier have smaller
    ones."""

    __slots__ = ("fd", "messnum", "path", "serial")

    def __init__(self, fd: int, messnum: int, path: bytes | None, serial: int = 0) -> None:
        self.fd = fd
        self.serial = serial
        self.messnum = messnum
        self.path = path  # in pid/, or None when it has no name at all


@dataclass(slots=True)
class Submission:
    """A message on its way into the queue. failed: qmail-queue's exit code once something went wrong with it."""

    message: Staged
    envelope: bytes  # the bytes of todo/N
    envelope_file: Staged | None = None
    is_prepared: bool = False
    has_mess: bool = False
    has_todo: bool = False
    failed: int = 0


class Enqueuer:
    """The writing side, as qmailq. One thread, but for the barriers (steps)."""

    def __init__(self, root: bytes, *, pid: int, disk: Disk = REAL) -> None:
        self.paths = Paths(root)
        self._disk = disk
        self._pid = pid
        self._serial = 0
        self._spoiled = 0  # up to this serial: what was written before a syncfs failed may be lost with it, whoever wrote it
        self._has_tmpfile = True
        self._mess = self.paths.folder(b"mess")

    def stage(self, now_s: int, *, has_number: bool = True) -> Staged:
        """A new empty file in the queue's file system. has_number: messnum will be asked for. Raises QueueTrouble."""
        self._serial += 1
        if self._has_tmpfile:
            try:
                fd = self._disk.open(self._mess, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o644)
                return Staged(fd, self._disk.fstat(fd).st_ino if has_number else 0, None, self._serial)
            except OSError as error:
                if error.errno not in _NO_TMPFILE:
                    raise QueueTrouble(PID_TROUBLE, error) from error
                self._has_tmpfile = False
        return self._stage_in_pid(now_s)

    def _stage_in_pid(self, now_s: int) -> Staged:
        path = b"%b/pid/%d.%d.%d" % (self.paths.root, self._pid, now_s, self._serial)
        try:
            fd = self._disk.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
            return Staged(fd, self._disk.fstat(fd).st_ino, path, self._serial)
        except OSError as error:
            raise QueueTrouble(PID_TROUBLE, error) from error

    def write(self, staged: Staged, parts: Sequence[bytes]) -> None:
        """Append to a staged file. Raises QueueTrouble."""
        try:
            self._disk.writev(staged.fd, parts)
        except OSError as error:
            raise QueueTrouble(WRITE_ERROR, error) from error

    def discard(self, staged: Staged) -> None:
        """Let go of a staged file; one that never got its name is gone then."""
        try:
            self._disk.close(staged.fd)
        except OSError:  # it is closed all the same, and what a close may tell late was asked for by fsync
            pass
        if staged.path is not None:
            self._unlink(staged.path)

    def commit(self, batch: Sequence[Submission], now_s: int) -> None:
        """Queue all submissions of a batch (see the steps above). Never raises: each tells by its failed how it went."""
        steps = self.steps(batch, now_s)
        try:
            barrier = next(steps)
            while True:
                barrier = steps.send(barrier())
        except StopIteration:
            pass

    def steps(self, batch: Sequence[Submission], now_s: int) -> Steps:
        """commit() for who has something else to do while a barrier is under way: gives the two barriers, each to be called once, in
        whatever thread, and wants to be sent what each returned. Meanwhile other messages may be staged, written and prepared."""
        for s in batch:
            if not s.is_prepared:
                self.prepare(s, now_s)
            if s.message.serial <= self._spoiled:
                s.failed = WRITE_ERROR
        waiting = [s for s in batch if not s.failed]
        if waiting:
            if (yield lambda: self._barrier(waiting)):
                self._name_envelopes(waiting)
                exit_ = 0 if (yield self._sync_todo) else TODO_TROUBLE
                trigger.pull(self.paths.trigger())
            else:
                exit_ = WRITE_ERROR
                if len(waiting) >= SYNCFS_FROM:
                    self._spoiled = self._serial
            for s in waiting:
                s.failed = exit_ or s.failed
        for s in batch:
            self._finish(s)

    def prepare(self, s: Submission, now_s: int) -> None:
        """Steps 1 and 2 for one message, which may be done before the rest of its batch is there. Its commit() must follow."""
        s.is_prepared = True
        try:
            s.envelope_file = self.stage(now_s, has_number=False)
            self.write(s.envelope_file, (s.envelope,))
            self.name(s.message, self.paths.mess(s.message.messnum), MESS_TROUBLE)  # +mess
            s.has_mess = True
        except QueueTrouble as trouble:
            s.failed = trouble.exit

    def name(self, staged: Staged, target: bytes, exit_: int = MESS_TROUBLE) -> None:
        """Give a staged file its name. The link fails if the name is taken, which a correct queue cannot have."""
        try:
            if staged.path is None:
                self._disk.link_unnamed(staged.fd, target)
            else:
                self._disk.link(staged.path, target)
        except OSError as error:
            raise QueueTrouble(exit_, error) from error

    def _barrier(self, waiting: list[Submission]) -> bool:
        """Step 3."""
        try:
            if len(waiting) >= SYNCFS_FROM:
                # A descriptor hears of what the file system failed to write since it was opened: the oldest hears of all that is ours.
                oldest = min((s.message for s in waiting), key=lambda staged: staged.serial)
                self._disk.syncfs(oldest.fd)
                return True
            for s in waiting:
                assert s.envelope_file is not None
                self._disk.fsync(s.message.fd)
                self._disk.fsync(s.envelope_file.fd)
            for folder in {b"mess/%d" % (s.message.messnum % SPLIT) for s in waiting}:
                self._disk.sync_dir(self.paths.folder(folder))
        except OSError:
            return False
        return True

    def _name_envelopes(self, waiting: list[Submission]) -> None:
        for s in waiting:
            assert s.envelope_file is not None
            try:
                self.name(s.envelope_file, self.paths.todo(s.message.messnum), TODO_TROUBLE)  # +todo
                s.has_todo = True
            except QueueTrouble as trouble:
                s.failed = trouble.exit

    def _sync_todo(self) -> bool:
        """False: the names may not last. The messages may be delivered all the same, but nobody is told that they will be: what qmail-send
        has seen must not be taken from under it."""
        try:
            self._disk.sync_dir(self.paths.folder(b"todo"))
        except OSError:
            return False
        return True

    def _finish(self, s: Submission) -> None:
        """Close, and leave no trace of what was never queued."""
        if s.has_mess and not s.has_todo:
            self._unlink(self.paths.mess(s.message.messnum))
        for staged in (s.message, s.envelope_file):
            if staged is not None:
                self.discard(staged)

    def _unlink(self, path: bytes) -> None:
        try:
            self._disk.unlink(path)
        except OSError:  # qmail-send's sweep will find it
            pass
