"""Bytes from the wire -> command lines. A line ends in LF; a CR before it is not part of the line.

Limits   those of the profile: 255 octets (RFC 2449 4), in the classic profile 8192; a longer line is skipped to its end and reported once.
Source   RFC 1939 3, commands.c
"""

from __future__ import annotations

TOO_LONG = object()  # stands for a line that was longer than allowed


class Lines:
    """Collects input and hands out lines. Never holds more than was fed since the last line, and limit octets."""

    __slots__ = ("_buffer", "_is_skipping", "_limit")

    def __init__(self, limit: int) -> None:
        self._buffer = b""
        self._limit = limit
        self._is_skipping = False

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def take_all(self) -> bytes:
        """Everything not handed out yet: what goes along to the session, or what must be forgotten before TLS."""
        rest, self._buffer = self._buffer, b""
        return rest

    def next(self) -> bytes | object | None:
        """A line without its end, TOO_LONG, or None: wait for more."""
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > self._limit + 1:  # a CR may be its last octet
                self._is_skipping = True
                self._buffer = b""
            return None
        line, self._buffer = self._buffer[:end].removesuffix(b"\r"), self._buffer[end + 1 :]
        if self._is_skipping or len(line) > self._limit:
            self._is_skipping = False
            return TOO_LONG
        return line


def split(line: bytes) -> tuple[bytes, bytes]:
    """-> (verb in lower case, argument without the spaces before it)."""
    verb, _, argument = line.partition(b" ")
    return verb.lower(), argument.lstrip(b" ")
