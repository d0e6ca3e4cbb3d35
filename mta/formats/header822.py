"""The header of a message as qmail-inject reads it: lines that end in LF, cut into fields, and the body behind them.

Field    a name of bytes 33 to 126 without ":", blanks, ":", anything; lines that begin with a blank or a tab go on with it.
         A line that begins "From " is an mbox line and becomes the field MBOX-Line.
End      an empty line, which belongs to the body; or a line that is no field: it is the first of the body, and an empty line is put
         before it.
Rules    the last line gets a newline if it lacks one. A CR is a byte like any other: a line of CR LF is no field.
Example  b"To: joe\\nhello" is the field b"To: joe\\n" and the body b"\\nhello\\n"
Limits   a line whose first 64 KiB hold no field name is taken for the body at once, so that none of it is kept
Loaded by programs that run per message: builtins only.
Source   headerbody.c, hfield.c, qmail-header(5)
"""

from __future__ import annotations

_NAME_BYTES = frozenset(range(33, 127)) - frozenset(b":")
_BLANKS = b" \t"
_FOLDS = (b" ", b"\t")
_MBOX = b"From "
_PIECE = 1 << 16


def name(line: bytes | bytearray) -> bytes | None:
    """The name of a field in lower case; None when the line does not begin one."""
    found = line[: max(0, line.find(b":"))].rstrip(_BLANKS)
    return bytes(found).lower() if found and _NAME_BYTES.issuperset(found) else None


class Splitter:
    """Cuts a message however its bytes arrive. feed() and close() return the fields that became complete and bytes of the body.
    is_body: the header has ended."""

    __slots__ = ("_buffer", "_ends_line", "_field", "_searched", "is_body")

    def __init__(self) -> None:
        self._buffer = bytearray()  # of the header: lines not looked at yet
        self._searched = 0  # octets of it known to hold no newline
        self._field: list[bytes] = []  # lines of the field that may go on
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
            head = self._line(bytes(self._buffer[start : end + 1]), fields)
            start = end + 1
            if self.is_body:
                return fields, head + self._rest(start)
        del self._buffer[:start]
        self._searched = len(self._buffer)
        if self._searched > _PIECE and not self._belongs_to_header():
            self._end_header(fields)
            return fields, b"\n" + self._rest(0)
        return fields, b""

    def close(self) -> tuple[list[bytes], bytes]:
        fields: list[bytes] = []
        body = b""
        if self.is_body:
            return fields, b"" if self._ends_line else b"\n"
        if self._buffer:
            body = self._line(self._rest(0) + b"\n", fields)
        if not self.is_body:
            self._end_field(fields)
        return fields, body

    def _line(self, line: bytes, fields: list[bytes]) -> bytes:
        """-> the beginning of the body, once it begins."""
        if line.startswith(_FOLDS) and self._field:
            self._field.append(line)
            return b""
        if line == b"\n":
            self._end_header(fields)
            return line
        if line.startswith(_MBOX):
            line = b"MBOX-Line: " + line
        if name(line) is None:
            self._end_header(fields)
            return b"\n" + line
        self._end_field(fields)
        self._field.append(line)
        return b""

    def _belongs_to_header(self) -> bool:
        """Of a line whose end is not in sight."""
        is_continued = self._buffer.startswith(_FOLDS) and bool(self._field)
        return is_continued or self._buffer.startswith(_MBOX) or name(self._buffer) is not None

    def _end_field(self, fields: list[bytes]) -> None:
        if self._field:
            fields.append(b"".join(self._field))
            self._field = []

    def _end_header(self, fields: list[bytes]) -> None:
        self._end_field(fields)
        self.is_body = True

    def _rest(self, start: int) -> bytes:
        rest = bytes(self._buffer[start:])
        self._buffer.clear()
        return rest
