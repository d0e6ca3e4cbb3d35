"""Look-ups in a cdb on disk. The file stays open: after a new one was renamed over it, readers keep the old one until they open again. A
small file is read whole by the first look-up; of a large one the header stays in memory, and each look-up reads two pieces of it.

Loaded by programs that others exec for each connection: builtins only. unix/cdbfile has what compilers and servers need besides.
"""

from __future__ import annotations

import os

from mta.formats import cdb

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
