"""Delivery into an mbox: append one message (formats/mbox) under the file's lock, or leave the file as it was.

Steps    1 open, make if needed, mode 0600  2 flock, waiting LOCK_S at most  3 remember where the file ends  4 end what a crash left of
         another message there  5 append, fsync, close
Trouble  everything is Temporary, in qmail-local's words. A failed write is cut off again if the lock is ours. A file system that knows
         no locks is written to without, as by the original.
Limits   one at a time in a process: the wait for the lock uses the process's alarm. Main thread only.
Crash    see formats/mbox
Source   qmail-local.c mailfile
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from mta.errors import Temporary
from mta.formats import mbox
from mta.formats.error_str import error_str
from mta.unix import lock, mess
from mta.unix.disk import REAL, Disk
from mta.unix.mess import Message

LOCK_S = 30
LOCKED = "File has been locked for 30 seconds straight. (#4.3.0)"
_FLAGS = os.O_WRONLY | os.O_NONBLOCK | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC


class _Alarm(Exception):
    pass


def deliver(path: bytes, name: bytes, head: bytes, source: Message, *, lock_s: float = LOCK_S, disk: Disk = REAL) -> None:
    """name: of the file in error texts, as the user wrote it; head: the From_ line and the others. Raises Temporary."""
    shown = name.decode("latin-1")
    try:
        fd = disk.open(path, _FLAGS, 0o600)
    except OSError as error:
        raise Temporary(f"Unable to open {shown}: {error_str(error.errno)}. (#4.2.1)") from error
    try:
        is_locked = _lock(fd, lock_s)
        end = disk.lseek(fd, 0, os.SEEK_END) if is_locked else None
        try:
            _append(fd, _seam(path, end or 0, disk) + head, source, disk)
        except OSError as error:
            _cut(fd, end, disk)
            raise Temporary(f"Unable to write {shown}: {error_str(error.errno)}. (#4.3.0)") from error
        except Temporary:
            _cut(fd, end, disk)
            raise
    finally:
        disk.close(fd)


def _append(fd: int, head: bytes, source: Message, disk: Disk) -> None:
    quoter = mbox.Quoter()
    disk.write(fd, head)
    for piece in mess.pieces(source, disk):
        disk.write(fd, quoter.feed(piece))
    disk.write(fd, quoter.end())
    disk.fsync(fd)


def _seam(path: bytes, end: int, disk: Disk) -> bytes:
    """What is missing before a From_ line is seen as one: an empty line, unless the file is empty. A message that was being written when
    its writer was killed may have stopped anywhere; the one that comes behind it must not become a part of it."""
    if not end:
        return b""
    try:
        fd = disk.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # the user lets nobody read it
        return b""
    try:
        tail = disk.pread(fd, 2, max(0, end - 2))
    except OSError:
        return b""
    finally:
        disk.close(fd)
    return b"" if tail.endswith(b"\n\n") else b"\n" if tail.endswith(b"\n") else b"\n\n"


def _cut(fd: int, end: int | None, disk: Disk) -> None:
    if end is None:
        return
    try:
        disk.ftruncate(fd, end)
    except OSError:  # the reader will see a message cut short, and the whole one behind it later
        pass


def _lock(fd: int, lock_s: float) -> bool:
    """False: this file system has no locks. Raises Temporary when somebody else holds it too long."""
    try:
        with _alarm(lock_s):
            lock.wait_exclusive(fd)
    except _Alarm:
        raise Temporary(LOCKED) from None
    except OSError:
        return False
    return True


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raises _Alarm inside the block when it takes longer."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise _Alarm

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
