"""Netstrings taken from a stream as they come: a large one in pieces, one inside another without holding either.

Grammar  formats/netstring. left: octets that may still be taken, of the netstring we are inside; None outside of all.
Errors   Ended: the stream is over; TooLong: a length nobody should announce; both are ValueErrors, and so is whatever is no netstring
Limits   200 000 000 octets a netstring
Loaded by programs that run per message: builtins only.
Source   qmail-qmtpd.c and qmail-qmqpd.c, getlen and getcomma; cr.yp.to/proto/netstrings.txt
"""

from __future__ import annotations

from mta.formats.netstring import LENGTH_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PIECE = 1 << 16
_COLON, _COMMA, _ZERO = b":,0"


class Ended(ValueError):
    """There is nothing more to read."""


class TooLong(ValueError):
    """Longer than LENGTH_MAX."""


class Input:
    """read(n): the next octets, n at most and one at least; b"" at the end. What it raises passes through."""

    __slots__ = ("_at", "_buffer", "_read", "left")

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._buffer = b""
        self._at = 0
        self.left: int | None = None

    def length(self) -> int:
        """LEN and its colon; no digits are 0. Raises ValueError."""
        found = 0
        while (byte := self._byte()) != _COLON:
            if not 0 <= byte - _ZERO <= 9:
                raise ValueError("netstring length is not a number")
            found = 10 * found + byte - _ZERO
            if found > LENGTH_MAX:
                raise TooLong("netstring too long")
        return found

    def comma(self) -> None:
        """Raises ValueError."""
        if self._byte() != _COMMA:
            raise ValueError("netstring without its comma")

    def take(self, count: int) -> bytes:
        """Exactly count octets. Raises ValueError."""
        return b"".join(self.pieces(count))

    def pieces(self, count: int) -> Iterator[bytes]:
        """count octets, as they come. Raises ValueError."""
        self._spend(count)
        while count:
            self._fill()
            piece = self._buffer[self._at : self._at + count]
            self._at += len(piece)
            count -= len(piece)
            yield piece

    def skip(self, count: int) -> None:
        """Raises ValueError."""
        for _ in self.pieces(count):
            pass

    def _byte(self) -> int:
        self._spend(1)
        self._fill()
        self._at += 1
        return self._buffer[self._at - 1]

    def _spend(self, count: int) -> None:
        if self.left is not None:
            if count > self.left:
                raise ValueError("netstring reaches past the one around it")
            self.left -= count

    def _fill(self) -> None:
        """Something to take. Raises Ended."""
        if self._at < len(self._buffer):
            return
        self._buffer, self._at = self._read(PIECE), 0
        if not self._buffer:
            raise Ended("the stream is over")
