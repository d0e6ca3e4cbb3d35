"""A message in a Maildir, as maildirserial and its clients open it: a regular file, whatever else may bear its name."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator

from mta.formats import serial

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PIECE = 1 << 16


class SerialFile:
    """Use it in a with block. All methods raise OSError."""

    __slots__ = ("_file", "size_bytes")

    def __init__(self, path: bytes, dir_fd: int | None = None) -> None:
        """dir_fd: what the path is relative to; None: the working directory."""
        fd = os.open(path, _FLAGS, dir_fd=dir_fd)
        st = os.fstat(fd)
        if not stat.S_ISREG(st.st_mode):
            os.close(fd)
            raise OSError(errno.EACCES, "not a regular file")
        self._file = os.fdopen(fd, "rb")
        self.size_bytes = st.st_size

    def __enter__(self) -> SerialFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def envelope(self) -> serial.Envelope:
        """Of a file just opened. Raises ValueError, too. What rest() gives then is what stands behind it."""
        first, second = self._file.readline(serial.LINE_MAX), self._file.readline(serial.LINE_MAX)
        return serial.envelope(first, second)

    def rest_bytes(self) -> int:
        """How much rest() will give, if nobody changes the file."""
        return self.size_bytes - self._file.tell()

    def rest(self) -> Iterator[bytes]:
        while piece := self._file.read(_PIECE):
            yield piece
