"""The executable-signature filter: is there an attachment that begins like a program? Lines are compared as they stand, so that nothing is
decoded and a message costs next to nothing.

Signature  the beginning of a base64 line, from control/signatures: TVqQAAMAA, for one, is what a Windows program begins with
Where      the first line behind each header: of the message, of each part of a multipart, of a message within the message, and of the
           message behind the text of a bounce. The line must be longer than the signature.
Limits     1024 octets of a line are looked at; 50 multiparts within each other
Source     Russ Nelson's patch of qmail-smtpd
"""

from __future__ import annotations

import re

LINE_MAX = 1024
DEPTH_MAX = 50
REFUSED = b"552 we don't accept email with such content (#5.3.4)\r\n"

_TYPE = b"content-type:"
_BOUNDARY = re.compile(rb'boundary\s*=\s*(?:"([^"]+)"|([^\s;"]+))', re.IGNORECASE)
_MESSAGE = re.compile(rb"\s*message/rfc822", re.IGNORECASE)
_BOUNCES = (b"Hi. This is the ", b"This message was created automatically by mail delivery software")
_COPY = b"---"


class Scanner:
    """feed() a message, its lines ending in LF. is_hit: it is to be refused."""

    __slots__ = (
        "_boundaries",
        "_held",
        "_in_header",
        "_is_awaiting_blank",
        "_is_bounce",
        "_is_first",
        "_is_type",
        "_signatures",
        "_type",
        "is_hit",
    )

    def __init__(self, signatures: tuple[bytes, ...]) -> None:
        self._signatures = signatures
        self._boundaries: list[bytes] = []
        self._held = b""
        self._begin_header()
        self._is_bounce = False
        self._is_awaiting_blank = False
        self.is_hit = False

    def _begin_header(self) -> None:
        self._in_header = True
        self._is_first = False
        self._is_type = False
        self._type = b""

    def feed(self, text: bytes) -> None:
        if self.is_hit:
            return
        *lines, rest = (self._held + text).split(b"\n")
        for line in lines:
            self._line(line[:LINE_MAX])
        self._held = rest[:LINE_MAX]

    def _line(self, line: bytes) -> None:
        if self._in_header:
            self._header(line)
        elif self._is_first:
            self._is_first = False
            self._first(line)
        else:
            self._body(line)

    def _header(self, line: bytes) -> None:
        if not line:
            self._end_header()
        elif line[:1] in (b" ", b"\t"):
            if self._is_type:
                self._type = (self._type + line)[:LINE_MAX]
        else:
            self._is_type = line[: len(_TYPE)].lower() == _TYPE
            if self._is_type:
                self._type = line[len(_TYPE) :]

    def _end_header(self) -> None:
        found = _BOUNDARY.search(self._type)
        if found is not None and len(self._boundaries) < DEPTH_MAX:
            self._boundaries.append(b"--" + (found[1] or found[2]))
        if _MESSAGE.match(self._type):
            self._begin_header()
        else:
            self._in_header = False
            self._is_first = True

    def _first(self, line: bytes) -> None:
        if line.startswith(_BOUNCES):
            self._is_bounce = True
        elif line.startswith(self._signatures) and any(line.startswith(s) and len(line) > len(s) for s in self._signatures):
            self.is_hit = True
        else:
            self._body(line)

    def _body(self, line: bytes) -> None:
        if self._is_awaiting_blank:
            if not line:
                self._is_awaiting_blank = False
                self._begin_header()
        elif self._is_bounce and line.startswith(_COPY):
            self._is_bounce = False
            self._is_awaiting_blank = True
        elif self._boundaries and line.startswith(self._boundaries[-1]):
            if line[len(self._boundaries[-1]) :].startswith(b"--"):
                self._boundaries.pop()
            else:
                self._begin_header()
