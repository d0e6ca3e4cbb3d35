"""Bytes from the wire -> command lines. A line ends in CRLF and in nothing else.

Limits   2048 octets a command, 12288 inside AUTH; a longer line is skipped to its end and reported once.
Source   RFC 5321 4.5.3.1.4, RFC 4954 4
"""

from __future__ import annotations

COMMAND_MAX = 2048
AUTH_MAX = 12288

TOO_LONG = object()  # stands for a line that was longer than allowed
STRAY_NEWLINE = object()  # a LF without CR: nothing after it can be trusted


class Lines:
    """Collects input and hands out lines."""

    __slots__ = ("_at", "_buffer", "_is_skipping")

    def __init__(self) -> None:
        self._buffer = b""
        self._at = 0  # how far it was handed out
        self._is_skipping = False

    @property
    def is_empty(self) -> bool:
        return self._at == len(self._buffer)

    def feed(self, data: bytes) -> None:
        self._buffer = self.take_all() + data

    def take_all(self) -> bytes:
        """Everything not handed out yet: the beginning of a message, or what must be forgotten before TLS."""
        rest = self._buffer[self._at :]
        self._buffer, self._at = b"", 0
        return rest

    def ahead(self, limit: int) -> list[bytes]:
        """Lines that wait, so many at most; next() will hand them out, and say what is wrong with them."""
        lines: list[bytes] = []
        at = self._at
        while len(lines) < limit and (end := self._buffer.find(b"\r\n", at)) >= 0:
            lines.append(self._buffer[at:end])
            at = end + 2
        return lines

    def next(self, limit: int = COMMAND_MAX) -> bytes | object | None:
        """A line without its CRLF, TOO_LONG, STRAY_NEWLINE, or None: wait for more."""
        end = self._buffer.find(b"\n", self._at)
        if end < 0:
            if len(self._buffer) - self._at > limit:
                self._is_skipping = True
                self._buffer, self._at = b"\r" if self._buffer.endswith(b"\r") else b"", 0
            return None
        line, self._at = self._buffer[self._at : end], end + 1
        if not line.endswith(b"\r"):
            return STRAY_NEWLINE
        if self._is_skipping or len(line) > limit:
            self._is_skipping = False
            return TOO_LONG
        return line[:-1]
