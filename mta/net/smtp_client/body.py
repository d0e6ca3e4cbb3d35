"""The message as it is stored -> the bytes after DATA, in pieces.

Rules    LF becomes CRLF. A CRLF stays one; a CR alone becomes CRLF, too, as with notqmail: it never reaches the wire, where the next server
         might take it for the end of a line. A dot that begins a line is doubled - after every line break we send, whatever it was before:
         notqmail 1.09 forgets that after a CR alone, so that a message could end itself and go on in commands (SMTP smuggling).
End      CRLF . CRLF. A last line without LF gets one; is_complete tells those who would rather refuse it, as the original does.
Example  b"one\\n.two\\rthree" is sent as b"one\\r\\n..two\\r\\nthree\\r\\n.\\r\\n"
Source   qmail-remote.c blast, RFC 5321 4.5.2 and 2.3.8
"""

from __future__ import annotations


class Encoder:
    """One message. encode() each piece, then end()."""

    __slots__ = ("_has_cr", "_is_at_start")

    def __init__(self) -> None:
        self._is_at_start = True
        self._has_cr = False  # the last piece ended in CR: the next may begin with its LF

    def encode(self, piece: bytes) -> bytes:
        if self._has_cr:
            piece = b"\r" + piece
        self._has_cr = piece.endswith(b"\r")
        if self._has_cr:
            piece = piece[:-1]
        if b"\r" in piece:
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return self._lines(piece)

    def _lines(self, piece: bytes) -> bytes:
        """piece: with LF as its only line break."""
        if not piece:
            return b""
        text = piece.replace(b"\n.", b"\n..").replace(b"\n", b"\r\n")
        if self._is_at_start and piece.startswith(b"."):
            text = b"." + text
        self._is_at_start = piece.endswith(b"\n")
        return text

    @property
    def is_complete(self) -> bool:
        """Did the last line have its end? A CR at the end of the message counts as one."""
        return self._is_at_start or self._has_cr

    def end(self) -> bytes:
        """What is left, and the line that ends the message. Only after this has been sent may the server own the message."""
        is_open = self._has_cr or not self._is_at_start
        return b"\r\n.\r\n" if is_open else b".\r\n"
