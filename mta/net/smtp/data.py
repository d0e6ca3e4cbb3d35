"""The bytes after DATA -> the message as it is stored, in pieces.

Rules    only CRLF . CRLF ends a message. CRLF becomes LF; a dot that begins a line goes, unless a CR follows it. A LF without CR
         before it, anywhere, ends the session (451): some server would read it as the end of a message that is not one. A CR alone
         is a byte like any other; lines may be as long as they like.
Example  b"..one\\r\\n.\\r\\n" is stored as b".one\\n"
Source   qmail-smtpd.c blast; RFC 5321 4.5.2; spec of SMTP smuggling CVE-2023-51764
"""

from __future__ import annotations

import re

HOPS_MAX = 100  # Received and Delivered-To lines from which a message is taken to loop
_END = b"\r\n.\r\n"
_STUFFED = re.compile(rb"\r\n\.(?!\r)")
_HOP = re.compile(rb"\n(?:received|delivered)", re.IGNORECASE)
_LONG_LINE = 65536  # how much of a line may wait for its end before it is passed on


class StrayNewline(Exception):
    """A LF without CR: answer 451 and close."""


class Decoder:
    """One message. feed() takes what the wire brings and gives back what can be stored so far."""

    __slots__ = ("_buffer", "_header", "_is_fresh", "hops", "is_done", "rest", "size_bytes")

    def __init__(self) -> None:
        # Every piece is cut before a CRLF, so that the buffer begins with one when it begins a line; the first line gets one, too.
        self._buffer = b"\r\n"
        self._is_fresh = True
        self._header: bytes | None = b""  # a newline that the next piece may make an empty line; None once the header has ended
        self.hops = 0
        self.size_bytes = 0
        self.is_done = False
        self.rest = b""  # after is_done: bytes that belong to the next command

    def feed(self, data: bytes) -> bytes:
        """Raises StrayNewline."""
        buffer = self._buffer + data
        end = buffer.find(_END)
        if end >= 0:
            self.is_done = True
            self.rest = buffer[end + 5 :]
            self._buffer = b""
            return self._decode(buffer[: end + 2])
        cut = self._cut(buffer)
        if buffer.count(b"\n", cut) != buffer.count(b"\r\n", cut):  # tell it at once, not when the line ends
            raise StrayNewline
        self._buffer = buffer[cut:]
        return self._decode(buffer[:cut])

    @staticmethod
    def _cut(buffer: bytes) -> int:
        """Where the last whole line ends: the CRLF that follows stays in the buffer."""
        cut = buffer.rfind(b"\r\n", 1)
        if cut > 0:
            return cut
        if len(buffer) < _LONG_LINE:
            return 0
        return len(buffer) - 1 if buffer.endswith(b"\r") else len(buffer)

    def _decode(self, raw: bytes) -> bytes:
        if not raw:
            return b""
        if raw.count(b"\n") != raw.count(b"\r\n"):
            raise StrayNewline
        text = _STUFFED.sub(b"\r\n", raw) if b"\r\n." in raw else raw
        text = text.replace(b"\r\n", b"\n")
        if self._header is not None:
            self._count_hops(text)
        if self._is_fresh:
            text = text[1:]
            self._is_fresh = False
        self.size_bytes += len(text)
        return text

    def _count_hops(self, text: bytes) -> None:
        """Lines of the header that begin with received or delivered. A piece begins with the newline that ended the line before it."""
        header = (self._header or b"") + text
        end = header.find(b"\n\n")
        self.hops += len(_HOP.findall(header if end < 0 else header[: end + 1]))
        self._header = None if end >= 0 else b"\n" if text.endswith(b"\n") else b""
