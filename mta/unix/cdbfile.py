"""A cdb on disk: looked into again and again, and replaced by a new one. (Look-ups themselves: unix/cdb_read.)"""

from __future__ import annotations

import os
from contextlib import contextmanager

from mta.unix import lock
from mta.unix.cdb_read import WHOLE_MAX as WHOLE_MAX
from mta.unix.cdb_read import CdbFile as CdbFile
from mta.unix.cdb_read import get as get
from mta.unix.cdb_read import open_ as open_
from mta.unix.disk import REAL, Disk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Opened:
    """The cdbs of many directories, kept open; opened again when they change."""

    def __init__(self, name: bytes, most: int) -> None:
        self._name = name
        self._most = most
        self._by_folder: dict[bytes, Fresh] = {}

    def of(self, folder: bytes) -> Fresh:
        found = self._by_folder.get(folder)
        if found is None:
            if len(self._by_folder) >= self._most:
                self._by_folder.clear()
            found = self._by_folder[folder] = Fresh(os.path.join(folder, self._name))
        return found


class Fresh:
    """A cdb that is looked into again and again: kept open, opened again when another one lies in its place."""

    def __init__(self, path: bytes) -> None:
        self._path = path
        self._file: CdbFile | None = None
        self._stamp: tuple[int, int, int] | None = None

    def file(self) -> CdbFile | None:
        """The one that lies there now; None: there is none. One stat. Raises OSError."""
        try:
            st = os.stat(self._path)
        except FileNotFoundError:
            self._file = self._stamp = None
            return None
        stamp = (st.st_ino, st.st_mtime_ns, st.st_size)
        if stamp != self._stamp:
            self._file = open_(self._path)
            self._stamp = stamp if self._file is not None else None
        return self._file


class NotReplaced(Exception):
    """step: "open", "write" or "move", whichever did not go; why: what the system said."""

    def __init__(self, step: str, why: OSError) -> None:
        super().__init__(f"unable to {step}: {why.strerror}")
        self.step = step
        self.why = why


@contextmanager
def one_compiler(folder: bytes) -> Iterator[None]:
    """While the block runs nobody else compiles in this directory: the temporary file has one name for all, and the last to write must be
    the last to have read. Waits. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        lock.wait_exclusive(fd)
        yield
    finally:
        os.close(fd)


def replace(temporary: bytes, path: bytes, data: bytes, *, disk: Disk = REAL) -> None:
    """Write the temporary file, which lies beside the cdb, sync it, rename it, sync the directory. Raises NotReplaced; unless it was the
    last step that failed, the old cdb then stands untouched."""
    step = "open"
    try:
        fd = disk.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
        step = "write"
        try:
            disk.fchmod(fd, 0o644)  # whatever the umask
            disk.write(fd, data)
            disk.fsync(fd)
        finally:
            disk.close(fd)
        step = "move"
        disk.rename(temporary, path)
        disk.sync_dir(os.path.dirname(path) or b".")
    except OSError as error:
        raise NotReplaced(step, error) from error
