"""What an ofmipd client says, taken apart: commands line by line, then the lines of a message. Every line may end in CR LF or in LF."""

from __future__ import annotations

COMMAND_MAX = 8192
_HOLD_MAX = 1 << 16  # of a line of a message, before its beginning is handed on
_DOT = b"."


class Lines:
    """Commands. A line that is too long comes as TOO_LONG."""

    __slots__ = ("_buffer", "_is_skipping")

    TOO_LONG = b"\n"  # no line holds one

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._is_skipping = False

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> bytes | None:
        """The next line without its end; None: there is none yet."""
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > COMMAND_MAX:
                self._buffer.clear()
                self._is_skipping = True
            return None
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        if self._is_skipping or len(line) > COMMAND_MAX:
            self._is_skipping = False
            return self.TOO_LONG
        return line

    def data(self) -> Decoder:
        """What follows is a message, and part of it may be here."""
        decoder = Decoder(bytes(self._buffer))
        self._buffer.clear()
        return decoder


class Decoder:
    """A message up to the line with only a dot. is_done: it has come; rest is what stands behind it."""

    __slots__ = ("_begins_line", "_buffer", "is_done", "rest")

    def __init__(self, unread: bytes = b"") -> None:
        self._buffer = bytearray(unread)
        self._begins_line = True
        self.is_done = False
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        """-> the lines that are complete, each ending in LF, their dots taken off; of a very long one what is there."""
        self._buffer += data
        out = []
        start = 0
        while not self.is_done and (end := self._buffer.find(b"\n", start)) >= 0:
            line = bytes(self._buffer[start:end]).removesuffix(b"\r")
            start = end + 1
            if self._begins_line and line == _DOT:
                self.is_done = True
                self.rest = bytes(self._buffer[start:])
            else:
                out.append(self._plain(line) + b"\n")
                self._begins_line = True
        del self._buffer[:start]
        if len(self._buffer) > _HOLD_MAX and not self.is_done:
            out.append(self._plain(bytes(self._buffer[:-1])))  # the last byte may be the CR of a line's end
            del self._buffer[:-1]
            self._begins_line = False
        return b"".join(out)

    def _plain(self, text: bytes) -> bytes:
        return text.removeprefix(_DOT) if self._begins_line else text
