"""Line ends as bytes pass by: LF to CR LF, CR LF to LF, and CR where one is missing. Pieces may end anywhere.

Rules    add_cr puts CR before every LF, whatever stands there. DelCr takes away one CR right before LF and no other; a CR at the very end
         stays. FixCr puts CR before each LF that has none.
Example  DelCr: b"a\\r\\nb\\rc\\r\\r\\nd\\r" -> b"a\\nb\\rc\\r\\nd\\r"
Limits   none; DelCr keeps back one octet at most
Source   addcr.c, delcr.c, fixcrio.c
"""

from __future__ import annotations


def add_cr(piece: bytes) -> bytes:
    return piece.replace(b"\n", b"\r\n")


class DelCr:
    """take() each piece, then end()."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""

    def take(self, piece: bytes) -> bytes:
        if not piece:
            return b""
        piece = self._held + piece
        self._held = b"\r" if piece.endswith(b"\r") else b""
        return piece[: len(piece) - len(self._held)].replace(b"\r\n", b"\n")

    def end(self) -> bytes:
        held, self._held = self._held, b""
        return held


class FixCr:
    __slots__ = ("_is_after_cr",)

    def __init__(self) -> None:
        self._is_after_cr = False

    def take(self, piece: bytes) -> bytes:
        if not piece:
            return b""
        first = b"\n" if self._is_after_cr and piece.startswith(b"\n") else b""
        self._is_after_cr = piece.endswith(b"\r")
        return first + piece[len(first) :].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
