"""A stored message -> the lines POP3 sends: CRLF, a dot before lines that begin with one, and the line with a dot alone at the end.

Example  b"Subject: x\\n\\n.hidden" is sent as b"Subject: x\\r\\n\\r\\n..hidden\\r\\n.\\r\\n"
Rules    a last line without its newline gets one. A message stored with CRLF is sent with CRLF; the classic profile sends CR CR LF then,
         and an empty line before the last dot, as qmail-pop3d does.
Limits   any length of line; nothing is kept but a CR that may belong to a line end
Source   RFC 1939 3, qmail-pop3d.c blast
"""

from __future__ import annotations

from collections.abc import Iterable


class Encoder:
    """One message. feed() it in pieces, then end() it; is_done tells that the rest would not be sent. body_lines: None for all."""

    __slots__ = ("_body_lines", "_in_header", "_is_classic", "_is_line_start", "_kept_cr", "is_done")

    def __init__(self, body_lines: int | None, *, is_classic: bool) -> None:
        self._body_lines = body_lines
        self._is_classic = is_classic
        self._in_header = True
        self._is_line_start = True
        self._kept_cr = b""
        self.is_done = False

    def feed(self, data: bytes) -> bytes:
        return self._encode(data if self._is_classic else self._with_plain_newlines(data))

    def _with_plain_newlines(self, data: bytes) -> bytes:
        data = self._kept_cr + data
        self._kept_cr = b"\r" if data.endswith(b"\r") else b""
        return data[: len(data) - len(self._kept_cr)].replace(b"\r\n", b"\n")

    def _encode(self, text: bytes) -> bytes:
        if self._body_lines is not None:
            text = self._cut(text, self._body_lines)
        if not text:
            return b""
        dot = b"." if self._is_line_start and text.startswith(b".") else b""
        self._is_line_start = text.endswith(b"\n")
        return dot + text.replace(b"\n.", b"\n..").replace(b"\n", b"\r\n")

    def _cut(self, text: bytes, left: int) -> bytes:
        """As much of it as header and body_lines allow."""
        at = 0
        if self._in_header:
            if self._is_line_start and text.startswith(b"\n"):
                at = 1
            elif (end := text.find(b"\n\n")) >= 0:
                at = end + 2
            else:
                return text
            self._in_header = False
        while left:
            end = text.find(b"\n", at)
            if end < 0:
                self._body_lines = left
                return text
            at = end + 1
            left -= 1
        self._body_lines = 0
        self.is_done = True
        return text[:at]

    def end(self) -> bytes:
        """Whatever is missing behind the last piece."""
        rest = b"" if self.is_done else self._encode(self._kept_cr)
        if not self._is_line_start:
            rest += b"\r\n"
        return rest + (b"\r\n.\r\n" if self._is_classic else b".\r\n")


def wire_size(pieces: Iterable[bytes]) -> int:
    """Octets of a whole message as the RFC profile sends it: with CRLF, without the dots that are put in and the line that ends it."""
    size = 0
    last = b""
    for piece in pieces:
        size += 2 * len(piece) - len(piece.replace(b"\n", b""))  # a third of the time that count() takes
        if b"\r" in piece:
            size -= piece.count(b"\r\n")
        if last == b"\r" and piece.startswith(b"\n"):
            size -= 1
        last = piece[-1:] or last
    return size if last in (b"\n", b"") else size + 2
