"""The header of a message or part, wherever it begins: fields as they stand, and where the body begins.

Field    a name of bytes 33 to 126 without ":", blanks, ":", anything; lines that begin with a blank or a tab go on with it.
End      an empty line (LF or CR LF), or a line that is no field: the body then begins with it, so that nothing is hidden.
         A first line "From ..." or ">From ..." is an mbox line and is passed over. A CR alone ends no line.
Example  b"Subject: a\\n b\\n\\nhello\\n" has one field, Subject, with the raw text b" a\\n b"; the body begins at 16
Limits   2000 fields, 1 MiB; what is beyond is passed over and noted
Source   RFC 5322 2.2 and 3.6.8
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mta.formats.mime import notes
from mta.formats.mime.source import WINDOW, Source

FIELDS_MAX = 2000
HEADER_MAX = 1 << 20
_FIRST_WINDOW = 1 << 13
_GROWTH = 8
_NAME_BYTES = bytes(b for b in range(33, 127) if b != 58)
_MBOX = (b"From ", b">From ")
# what ends the fields: the end of the bytes at hand, a line that is none, a boundary, their number
_BLOCK, _NO_FIELD, _STOP, _FULL = "block", "no field", "stop", "full"


@dataclass(frozen=True, slots=True)
class Field:
    name: bytes  # as written
    raw: bytes  # behind the colon, line ends and all

    @property
    def value(self) -> bytes:
        """Unfolded, without blanks around it."""
        raw = self.raw
        if b"\n" in raw:
            raw = raw.replace(b"\r\n", b"\n").replace(b"\n", b"")
        return raw.strip(b" \t\r")


@dataclass(frozen=True, slots=True)
class Header:
    fields: tuple[Field, ...]
    body: int  # offset
    notes: tuple[str, ...] = ()

    def all(self, name: bytes) -> Iterator[Field]:
        """Fields of that name (given in lower case), in order."""
        return (f for f in self.fields if f.name.lower() == name)

    def get(self, name: bytes) -> bytes | None:
        """The value of the first field of that name."""
        first = next(self.all(name), None)
        return None if first is None else first.value


def scan(source: Source, start: int, end: int, is_stop: Callable[[bytes], bool] | None = None) -> Header:
    """The header that begins at start. is_stop: does this line (it begins with "--") end a part? Then it ends the header, too."""
    size = _FIRST_WINDOW
    while True:
        data = source.read(start, min(end, start + size))
        cut, blank = _blank_line(data)
        is_whole = cut >= 0 or len(data) < size or start + size >= end
        block = data[:cut] if cut >= 0 else data if is_whole else data[: data.rfind(b"\n") + 1]
        found, used, ended_by = _lines(block, is_stop)
        if is_whole or ended_by != _BLOCK or size >= HEADER_MAX:
            break
        size = min(HEADER_MAX, size * _GROWTH)
    if ended_by in (_NO_FIELD, _STOP):
        body = start + used
    elif cut >= 0:
        body = start + cut + blank
    else:
        body = min(end, start + len(data)) if is_whole and ended_by == _BLOCK else _search_blank(source, start + max(0, used - 1), end)
    return Header(tuple(found), body, _said(bool(found), ended_by, is_whole))


def _said(has_fields: bool, ended_by: str, is_whole: bool) -> tuple[str, ...]:
    if ended_by == _NO_FIELD:
        return (notes.BROKEN_HEADER if has_fields else notes.NO_HEADER,)
    return (notes.HEADER_TOO_LONG,) if ended_by == _FULL or (ended_by == _BLOCK and not is_whole) else ()


def _blank_line(data: bytes) -> tuple[int, int]:
    """-> (offset of the empty line, its length); -1 when there is none."""
    if data.startswith(b"\n"):
        return 0, 1
    if data.startswith(b"\r\n"):
        return 0, 2
    lf = data.find(b"\n\n")
    crlf = data.find(b"\n\r\n", 0, lf if lf >= 0 else len(data))
    if crlf >= 0:
        return crlf + 1, 2
    return (lf + 1, 1) if lf >= 0 else (-1, 0)


def _search_blank(source: Source, at: int, end: int) -> int:
    """Where the body begins, the empty line being beyond the cap. at: not at the beginning of a line."""
    while at < end:
        data = source.read(at, min(end, at + WINDOW))
        cut, blank = _blank_line(b"-" + data)  # the window may begin in the middle of a line
        if cut >= 0:
            return at + cut - 1 + blank
        if len(data) <= 2:
            break
        at += len(data) - 2
    return end


def _lines(block: bytes, is_stop: Callable[[bytes], bool] | None) -> tuple[list[Field], int, str]:
    """-> (fields, octets of the block they took, what ended them)"""
    found: list[Field] = []
    at, size = 0, len(block)
    if block.startswith(_MBOX):
        at = block.find(b"\n") + 1 or size
    while at < size:
        end = _field_end(block, at)
        line = block[at:end]
        if line.startswith(b"--") and is_stop is not None and is_stop(line.partition(b"\n")[0]):
            return found, at, _STOP
        colon = line.find(b":")
        name = line[:colon].rstrip(b" \t") if colon > 0 else b""
        if not name or name.translate(None, _NAME_BYTES):
            return found, at, _NO_FIELD
        if len(found) == FIELDS_MAX:
            return found, at, _FULL
        found.append(Field(name, line[colon + 1 :].rstrip(b"\r\n")))
        at = end
    return found, size, _BLOCK


def _field_end(block: bytes, at: int) -> int:
    """Behind the last line of the field that begins at at."""
    while True:
        at = block.find(b"\n", at) + 1
        if not at:
            return len(block)
        if block[at : at + 1] not in (b" ", b"\t"):
            return at
