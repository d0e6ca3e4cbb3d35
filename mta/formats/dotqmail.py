"""dot-qmail files: the delivery instructions of one address, one a line.

Lines    "#..." comment; "|command"; "/path/" or "./path/" Maildir (ends in a slash); "/path" or "./path" mbox; "&address" or just
         "address" forward; "+list" means that only forwards may follow; other "+" lines and empty lines say nothing.
         Spaces and tabs at the end of a line are cut; a last line without its newline counts; a NUL ends what a line names.
Example  b"./Maildir/\\n&bo@example.net\\n|preline filter\\n"
Limits   none; an empty file means "the default instructions", a blank first line is a mistake (the file is being edited).
Written  by users, and by the control installer below domains/.   Read by qmail-local, vdelivermail, explain.
Source   dot-qmail(5), qmail-local.c
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    COMMENT = "comment"
    MAILDIR = "maildir"
    MBOX = "mbox"
    PROGRAM = "program"
    FORWARD = "forward"
    FORWARD_ONLY = "+list"
    NOTHING = "nothing"
    BLANK_FIRST = "blank first line"


@dataclass(frozen=True, slots=True)
class Line:
    number: int  # counted from 1
    kind: Kind
    text: bytes  # path, command without its bar, or address without its "&"


def read(data: bytes) -> list[Line]:
    rows = data.split(b"\n")
    if rows[-1] == b"":
        rows.pop()
    return [_line(number, row.rstrip(b" \t")) for number, row in enumerate(rows, 1)]


def _line(number: int, row: bytes) -> Line:
    first, text = row[:1], row.partition(b"\0")[0]
    if first in (b"", b"\0"):
        return Line(number, Kind.BLANK_FIRST if number == 1 else Kind.NOTHING, b"")
    if first == b"#":
        return Line(number, Kind.COMMENT, row[1:])
    if first in b"./":
        return Line(number, Kind.MAILDIR if row.endswith(b"/") else Kind.MBOX, text)
    if first == b"|":
        return Line(number, Kind.PROGRAM, text[1:])
    if first == b"+":
        return Line(number, Kind.FORWARD_ONLY if text[1:] == b"list" else Kind.NOTHING, text)
    return Line(number, Kind.FORWARD, text[1:] if first == b"&" else text)


def file_name(local: bytes) -> bytes:
    """Extension -> what follows ".qmail" and the dash in the file's name: lower case, dots as colons."""
    return local.lower().replace(b".", b":")


def forward_line(address: bytes) -> bytes:
    """One "&address" line. Raises ValueError when the address would not come back as it went in."""
    if b"\n" in address or b"\0" in address or address != address.rstrip(b" \t") or not address:
        raise ValueError("address cannot stand in a .qmail file")
    return b"&%b\n" % address
