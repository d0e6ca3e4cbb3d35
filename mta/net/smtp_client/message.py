"""The message to send, as a descriptor: looked over once for what MAIL tells of it, then read in pieces of 64 KiB. Never held whole."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

from mta.net.smtp_client.state import Facts

PIECE = 1 << 16


class Message:
    """fd: open for reading, at the beginning of the message; the caller closes it."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._start: int | None
        try:
            self._start = os.lseek(fd, 0, os.SEEK_CUR)
        except OSError:  # a pipe: it can be read once, and only when its turn comes
            self._start = None

    async def facts(self) -> Facts:
        """Lets others work between the pieces. Raises OSError."""
        if self._start is None:
            return Facts(None, has_8bit=True)  # to say so of a message that has none does no harm
        size = 0
        has_8bit = False
        for piece in self.pieces():
            size += len(piece) + piece.count(b"\n") - piece.count(b"\r\n")
            has_8bit = has_8bit or not piece.isascii()
            if len(piece) == PIECE:
                await asyncio.sleep(0)
        return Facts(size, has_8bit)

    def pieces(self) -> Iterator[bytes]:
        """From the beginning, each time. Raises OSError."""
        at = self._start
        while piece := os.read(self._fd, PIECE) if at is None else os.pread(self._fd, PIECE, at):
            yield piece
            if at is not None:
                at += len(piece)
