"""Log files that are whole: from "previous" to their @ name, through a processor if there is one. The names are explained in logdir.py."""

from __future__ import annotations

import os
import time

from mta.decisions import log_rotation
from mta.formats import tai64n
from mta.programs.daemontools.multilog.patience import NAME, pause, until_done
from mta.unix import exec_, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn, TypeVar

    from mta.formats.multilog_script import Folder
    from mta.unix.fds import Fds

    T = TypeVar("T")

APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND
TRUNCATE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
WHOLE = 0o744


class Finishing:
    """at: descriptor of the directory. Only mode() and put_away() raise OSError; everything else waits until it works."""

    __slots__ = ("_at", "_env", "_fds", "_folder")

    def __init__(self, folder: Folder, at: int, env: dict[bytes, bytes], fds: Fds) -> None:
        self._folder = folder
        self._at = at
        self._env = env
        self._fds = fds

    def close(self) -> None:
        os.close(self._at)

    def mode(self, name: bytes) -> int | None:
        """None: there is no such file."""
        try:
            return os.stat(name, dir_fd=self._at).st_mode
        except FileNotFoundError:
            return None

    def put_away(self) -> None:
        """What a crash left behind: processed with its x bit is whole; anything else unfinished is all there is."""
        self._remove_if_there(b"state")
        self._remove_if_there(b"newstate")
        if (self.mode(b"processed") or 0) & 0o100:
            self._remove_if_there(b"previous")
            self._give_name(b"processed", b".s")
        else:
            self._remove_if_there(b"processed")
            self._give_name(b"previous", b".u")
        self._give_name(b"current", b".u")

    def set_aside(self) -> None:
        text = b"unable to rename current to previous in directory " + self._folder.path
        until_done(self._fds, text, lambda: os.rename(b"current", b"previous", src_dir_fd=self._at, dst_dir_fd=self._at))

    def create_current(self) -> int:
        """-> its descriptor. Raises OSError."""
        return os.open(b"current", APPEND, 0o600, dir_fd=self._at)

    def finish(self) -> None:
        """previous is whole: give it, or what the processor makes of it, its name."""
        self._until_done(b"set mode of %b", b"previous", lambda: os.chmod(b"previous", WHOLE, dir_fd=self._at))
        if self._folder.processor is None:
            self._give_name(b"previous", b".s")
            return
        while not self._run(self._folder.processor):
            pass
        self._sync(b"processed", WHOLE)
        self._sync(b"newstate", None)
        self._until_done(b"remove %b", b"previous", lambda: self._remove_if_there(b"previous"))
        text = b"unable to rename newstate to state in directory " + self._folder.path
        until_done(self._fds, text, lambda: os.rename(b"newstate", b"state", src_dir_fd=self._at, dst_dir_fd=self._at))
        self._give_name(b"processed", b".s")

    def _give_name(self, name: bytes, ending: bytes) -> None:
        """A second link of the file is its @ name already: a crash came between link and unlink."""
        links = self._until_done(b"stat %b", name, lambda: self._links(name))
        if not links:
            return
        if links == 1:
            self._until_done(b"give its name to %b", name, lambda: self._link(name, ending))
        self._until_done(b"remove %b", name, lambda: self._remove_if_there(name))
        until_done(self._fds, b"unable to clean directory " + self._folder.path, self._remove_surplus)

    def _links(self, name: bytes) -> int:
        try:
            return os.stat(name, dir_fd=self._at).st_nlink
        except FileNotFoundError:
            return 0

    def _link(self, name: bytes, ending: bytes) -> None:
        """link, not rename: it replaces nothing. Two ends in one tick of the clock get two names."""
        while True:
            label = tai64n.write(time.time_ns())
            try:
                os.link(name, label + ending, src_dir_fd=self._at, dst_dir_fd=self._at)
                return
            except FileExistsError:
                continue

    def _remove_surplus(self) -> None:
        names = [os.fsencode(name) for name in os.listdir(self._at)]
        for name in log_rotation.surplus(names, self._folder.number):
            self._remove_if_there(name)

    def _remove_if_there(self, name: bytes) -> None:
        try:
            os.unlink(name, dir_fd=self._at)
        except FileNotFoundError:
            pass

    def _sync(self, name: bytes, mode: int | None) -> None:
        """To disk; then, and only then, the mode that says so."""
        fd = self._until_done(b"read %b", name, lambda: os.open(name, APPEND, 0o600, dir_fd=self._at))
        self._until_done(b"write %b to disk", name, lambda: os.fsync(fd))
        if mode is not None:
            self._until_done(b"set mode of %b", name, lambda: os.fchmod(fd, mode))
        os.close(fd)

    def _run(self, command: bytes) -> bool:
        """The processor on previous. -> did it succeed? If not, the pause before the next try is over."""
        path = self._folder.path
        pid = until_done(self._fds, b"unable to fork for processor in " + path, os.fork)
        if not pid:
            self._be_processor(command)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status:
            pause(self._fds, b"processor %b in %b" % (b"crashed" if status < 0 else b"failed", path))
        return status == 0

    def _be_processor(self, command: bytes) -> NoReturn:
        try:
            os.fchdir(self._at)
            files = {
                0: os.open(b"previous", os.O_RDONLY),
                1: os.open(b"processed", TRUNCATE, 0o644),
                4: os.open(b"state", os.O_RDONLY),
                5: os.open(b"newstate", TRUNCATE, 0o644),
            }
            exec_.become(b"/bin/sh", [b"sh", b"-c", command], self._env, files)
        except OSError as error:
            say.warning(self._fds, NAME, b"unable to run " + command, error)
        finally:
            os._exit(111)

    def _until_done(self, what: bytes, name: bytes, act: Callable[[], T]) -> T:
        return until_done(self._fds, b"unable to " + what % (self._folder.path + b"/" + name), act)
