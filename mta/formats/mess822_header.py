"""The header of a message as mess822 reads it: lines that end in LF, cut into fields, and the body behind them.

Line     of a header: it begins with a blank or a tab, or with a name of bytes 33 to 126 without ":", blanks, ":"
End      the first line that is none: an empty line, or the first of the body. A line "From joe ..." of an mbox is none, too.
Field    a line and those with blanks or tabs that go on with it. Its value is what stands behind the colon, without newlines.
Example  b"To: joe\\nhello" is the field b"To: joe\\n" and the body b"\\nhello\\n"
Rules    the last line gets a newline if it lacks one
Limits   a line whose first 64 KiB do not begin a field is taken for the body at once, so that none of it is kept
Loaded by programs that run per message: builtins only.
Source   mess822(3), mess822_ok, mess822_line
"""

from __future__ import annotations

_NAME_BYTES = frozenset(range(33, 127)) - frozenset(b":")
_BLANKS = b" \t"
_GOES_ON = (b" ", b"\t")
_PIECE = 1 << 16


def is_line(line: bytes) -> bool:
    """line: with its newline, or a beginning that is long enough."""
    if line.startswith(_GOES_ON):
        return True
    name = line[: max(0, line.find(b":"))].rstrip(_BLANKS)
    return bool(name) and _NAME_BYTES.issuperset(name)


def name(field: bytes) -> bytes:
    """In small letters. b"" for a first line that begins with a blank."""
    end = 0
    while end < len(field) and field[end] in _NAME_BYTES:
        end += 1
    return field[:end].lower()


def value(field: bytes) -> bytes:
    rest = field[len(name(field)) :].lstrip(_BLANKS)
    return rest.removeprefix(b":").replace(b"\n", b"")


class Splitter:
    """Cuts a message however its bytes arrive. feed() and close() return the fields that became complete and bytes of the body.
    is_body: the header has ended."""

    __slots__ = ("_buffer", "_ends_line", "_field", "_searched", "is_body")

    def __init__(self) -> None:
        self._buffer = bytearray()  # of the header: lines not looked at yet
        self._searched = 0  # octets of it known to hold no newline
        self._field: list[bytes] = []
        self._ends_line = True
        self.is_body = False

    def feed(self, data: bytes) -> tuple[list[bytes], bytes]:
        """data: the next bytes, at least one."""
        self._ends_line = data.endswith(b"\n")
        if self.is_body:
            return [], data
        self._buffer += data
        fields: list[bytes] = []
        start = 0
        while (end := self._buffer.find(b"\n", max(start, self._searched))) >= 0:
            line = bytes(self._buffer[start : end + 1])
            start = end + 1
            if not self._line(line, fields):
                return fields, (line if line == b"\n" else b"\n" + line) + self._rest(start)
        del self._buffer[:start]
        self._searched = len(self._buffer)
        if self._searched > _PIECE and not is_line(bytes(self._buffer)):
            self._end(fields)
            return fields, b"\n" + self._rest(0)
        return fields, b""

    def close(self) -> tuple[list[bytes], bytes]:
        """There is no more. A message that is all header has no body, not even an empty line."""
        fields: list[bytes] = []
        ends_line, self._ends_line = self._ends_line, True
        if self.is_body:
            return fields, b"" if ends_line else b"\n"
        if self._buffer:
            line = self._rest(0) + b"\n"
            if not self._line(line, fields):
                return fields, b"\n" + line
        self._end(fields)
        return fields, b""

    def _line(self, line: bytes, fields: list[bytes]) -> bool:
        """False: it belongs to the body."""
        if not is_line(line):
            self._end(fields)
            return False
        if not line.startswith(_GOES_ON):
            self._end_field(fields)
        self._field.append(line)
        return True

    def _end_field(self, fields: list[bytes]) -> None:
        if self._field:
            fields.append(b"".join(self._field))
            self._field = []

    def _end(self, fields: list[bytes]) -> None:
        self._end_field(fields)
        self.is_body = True

    def _rest(self, start: int) -> bytes:
        rest = bytes(self._buffer[start:])
        self._buffer.clear()
        return rest
