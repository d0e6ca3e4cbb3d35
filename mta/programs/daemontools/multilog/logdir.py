"""One directory of logs.

current    what is being written. Mode 0644 meanwhile, 0744 once it is whole on disk: that is how the next start tells a clean end
@LABEL.s   finished; LABEL is the TAI64N time of its end. Mode 0744
@LABEL.u   left behind by a crash: its end may be missing
lock       locked (flock) while somebody writes here
previous   while a file is being finished; processed, newstate: while a processor runs. state: what the processor told its next run

Finishing  1 sync current, rename it to previous  2 begin a new current  3 the processor, if any, makes processed and newstate from previous
           and state, and these are synced  4 link the result to its @ name, unlink the old name  5 remove the oldest beyond the number
Crash      each step leaves names that say how far it came: processed with its x bit is whole, and previous can go; anything else unfinished
           becomes an @LABEL.u
Start      the directory is made with mode 0700 if it is missing; owner and mode of one that exists are left alone
Source     multilog(8); the order of acts as observed of daemontools 0.76
"""

from __future__ import annotations

import errno
import os

from mta.decisions import log_rotation
from mta.programs.daemontools.multilog.finishing import APPEND, TRUNCATE, WHOLE, Finishing
from mta.programs.daemontools.multilog.patience import Unusable, until_done
from mta.unix import lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from mta.formats.multilog_script import Folder
    from mta.unix.fds import Fds

    T = TypeVar("T")

_BEING_WRITTEN = 0o644


class LogDir:
    """Open for writing from the start, which raises Unusable. Nothing is raised later: trouble is waited out."""

    __slots__ = ("_fd", "_fds", "_finishing", "_folder", "_lock", "_used", "size")

    def __init__(self, folder: Folder, env: dict[bytes, bytes], fds: Fds) -> None:
        self._folder = folder
        self._fds = fds
        self.size = folder.size
        path = folder.path
        step = b"open directory " + path
        try:
            os.mkdir(path, 0o700)
        except OSError:  # it is there, or opening it says why it is not
            pass
        try:
            at = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            step = b"lock directory " + path
            self._lock = os.open(b"lock", APPEND | os.O_NONBLOCK, 0o600, dir_fd=at)
            if not lock.try_exclusive(self._lock):
                raise BlockingIOError(errno.EAGAIN, "locked")
            self._finishing = Finishing(folder, at, env, fds)
            step = b"write to %b/current" % path
            self._begin(at)
        except OSError as error:
            raise Unusable(b"unable to " + step, error) from error

    def _begin(self, at: int) -> None:
        """Go on with a current that was closed cleanly, or put away what is left and begin a new one. Raises OSError."""
        mode = self._finishing.mode(b"current")
        if mode is None or not mode & 0o100:
            self._finishing.put_away()
            os.close(os.open(b"state", TRUNCATE, 0o644, dir_fd=at))
        self._fd = os.open(b"current", APPEND, 0o600, dir_fd=at)
        os.fchmod(self._fd, _BEING_WRITTEN)
        self._used = os.fstat(self._fd).st_size

    def write(self, data: bytes) -> None:
        """Whole lines, or pieces of a long one. They are in the file, or in several, when it returns."""
        at, size = 0, self.size
        while at < len(data):
            if log_rotation.is_full(self._used, size, b""):
                self.rotate()
            end = log_rotation.next_end(data, at, self._used, size)
            self._append(data if end - at == len(data) else data[at:end])
            at = end
            if log_rotation.is_full(self._used, size, data[at - 1 : at]):
                self.rotate()

    def _append(self, data: bytes) -> None:
        while data:
            written = self._write_some(data)
            self._used += written
            data = data[written:]

    def _write_some(self, data: bytes) -> int:
        return self._until_done(b"write to %b", lambda: os.write(self._fd, data))

    def rotate(self) -> None:
        """End the current file and begin another, unless nothing is in it."""
        if not self._used:
            return
        self._until_done(b"write %b to disk", lambda: os.fsync(self._fd))
        os.close(self._fd)
        self._finishing.set_aside()
        self._fd = self._until_done(b"create %b", self._finishing.create_current)
        self._used = 0
        self._until_done(b"set mode of %b", lambda: os.fchmod(self._fd, _BEING_WRITTEN))
        self._finishing.finish()

    def close(self) -> None:
        """A clean end: the next start goes on with this file."""
        self._until_done(b"write %b to disk", lambda: os.fsync(self._fd))
        self._until_done(b"set mode of %b", lambda: os.fchmod(self._fd, WHOLE))
        self._finishing.close()
        os.close(self._fd)
        os.close(self._lock)

    def _until_done(self, what: bytes, act: Callable[[], T]) -> T:
        return until_done(self._fds, b"unable to " + what % (self._folder.path + b"/current"), act)
