"""Look-ups in a cdb on disk. The file stays open: after a new one was renamed over it, readers keep the old one until they open again."""

from __future__ import annotations

import os

from mta.formats import cdb


class CdbFile:
    """get() raises ValueError when the file is damaged and OSError when it cannot be read. Closed with its last user."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        reader = cdb.Reader(lambda length, offset: os.pread(fd, length, offset))
        self.get = reader.get

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    __del__ = close


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
        return file.get(key)
    finally:
        file.close()
