"""Look-ups in a cdb on disk, and its replacement by a new one. The file stays open: after a new one was renamed over it, readers keep the
old one until they open again. A small file is read whole by the first look-up; of a large one the header stays in memory, and each
look-up reads two pieces of it."""

from __future__ import annotations

import os
from contextlib import contextmanager

from mta.formats import cdb
from mta.unix import lock
from mta.unix.disk import REAL, Disk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


WHOLE_MAX = 1 << 17  # octets of a file that is read whole
_HEADER = 2048
_AHEAD = 512  # octets read at a time: with a record's lengths mostly comes the record


class CdbFile:
    """get() raises ValueError when the file is damaged and OSError when it cannot be read. Closed with its last user."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._reader: cdb.Reader | None = None

    def get(self, key: bytes) -> bytes | None:
        """Whoever holds this function holds the file open."""
        if self._reader is None:
            self._reader = _reader(self.fd)
        return self._reader.get(key)

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    __del__ = close


def _reader(fd: int) -> cdb.Reader:
    size = os.fstat(fd).st_size
    return cdb.reader(os.pread(fd, size, 0)) if size <= WHOLE_MAX else cdb.Reader(_Ahead(fd))


class _Ahead:
    """os.pread(fd, ...) with fewer calls: reads more than it is asked for, and remembers the last piece."""

    __slots__ = ("_at", "_fd", "_header", "_piece")

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._header = os.pread(fd, _HEADER, 0)
        self._at = 0
        self._piece = b""

    def __call__(self, length: int, offset: int) -> bytes:
        end = offset + length
        if end <= len(self._header):
            return self._header[offset:end]
        if not (self._at <= offset and end <= self._at + len(self._piece)):
            self._piece = os.pread(self._fd, max(length, _AHEAD), offset)
            self._at = offset
        at = offset - self._at
        return self._piece[at : at + length]


def open_(path: bytes) -> CdbFile | None:
    """None when there is no such file. Raises OSError."""
    try:
        return CdbFile(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except FileNotFoundError:
        return None


def get(path: bytes, key: bytes) -> bytes | None:
    """One look-up. None: no such file or no such key. Raises ValueError, OSError."""
    file = open_(path)
    if file is None:
        return None
    try:
        return cdb.Reader(_Ahead(file.fd)).get(key)
    finally:
        file.close()


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
