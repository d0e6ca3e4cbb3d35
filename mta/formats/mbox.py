"""mbox: many messages in one file, in the variant that loses nothing ("mboxrd").

Message  a From_ line (formats/traceline); the lines of the message, each that begins with any number of ">" and "From " with one more ">"
         before it; a newline if the last line has none; an empty line.
Example  b"From ada@x.y Sat Jan 03 01:05:34 1996\\nSubject: a\\n\\n>From here\\n\\n"
Limits   none: a message passes in pieces, whatever the length of its lines
Written  by qmail-local under flock, in one go; what a failure leaves is cut off again.   Read by mail readers.
Crash    the last message may be incomplete: its delivery was not reported and will be repeated behind it, after an empty line.
Source   mbox(5), qmail-local.c mailfile and gfrom
"""

from __future__ import annotations

import re

_FROM = re.compile(rb"^(?=>*From )", re.MULTILINE)
_UNDECIDED = re.compile(rb">*(?:F(?:r(?:om?)?)?)?\Z")
_HELD = 5  # octets of a line's beginning that are kept back until it is known whether "From " stands there


class Quoter:
    """One message: feed() the pieces, then end(). What comes out, one behind the other, is what belongs into the file."""

    __slots__ = ("_held", "_is_inside", "_last")

    def __init__(self) -> None:
        self._held = b""
        self._is_inside = False  # the next byte is inside a line whose beginning has been looked at
        self._last = b"\n"

    def feed(self, piece: bytes) -> bytes:
        if not piece:
            return b""
        self._last = piece[-1:]
        data = self._held + piece
        first = data.find(b"\n") + 1 if self._is_inside else 0
        if self._is_inside and not first:
            return data
        begin = data.rfind(b"\n") + 1
        undecided = bool(_UNDECIDED.match(data, begin))
        cut = max(begin, len(data) - _HELD) if undecided else len(data)
        self._held = data[cut:]
        self._is_inside = not undecided
        return data[:first] + _FROM.sub(b">", data[first:cut])

    def end(self) -> bytes:
        return self._held + (b"\n" if self._last == b"\n" else b"\n\n")


def unquote(line: bytes) -> bytes:
    """One line of a message as it was before it was quoted."""
    return line[1:] if line[:1] == b">" and line.lstrip(b">").startswith(b"From ") else line
