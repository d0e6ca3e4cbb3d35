"""Where the bytes of a message come from: memory, or a file that is read in windows (unix/mail_folder.MessageFile)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

WINDOW = 1 << 18


class Source(Protocol):
    """size: octets in all. read() returns fewer bytes than asked for only when the file has shrunk since."""

    @property
    def size(self) -> int: ...

    def read(self, start: int, end: int) -> bytes: ...


class Bytes:
    """A message in memory."""

    __slots__ = ("_data", "size")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, start: int, end: int) -> bytes:
        return self._data[start:end]


def windows(source: Source, start: int, end: int, size: int = WINDOW) -> Iterator[bytes]:
    """The bytes from start to end, a window at a time."""
    while start < end:
        data = source.read(start, min(end, start + size))
        if not data:
            return
        yield data
        start += len(data)
