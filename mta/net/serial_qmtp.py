"""QMTP as serialqmtp speaks it: all messages go out in a row, and the answers are taken as they come.

Answers  a netstring for each message, in order: K, Z or D, then words
Trouble  Lost: the connection, or an answer that is none; nobody knows then what became of the messages that wait for one
Source   serialqmtp(1), cr.yp.to/proto/qmtp.txt
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mta.formats import netstring, qmtp
from mta.formats.netstring import LENGTH_MAX
from mta.formats.serial import LATER, NEVER, SENT, TEXT_MAX
from mta.net.serial_wire import Lost, Wire

READ_S, WRITE_S = 3600, 73

Result = tuple[bytes, bytes]
_ENOUGH = 1 << 18
_DIGITS_MAX = 9


def frame(size: int, sender: bytes, recipient: bytes) -> tuple[bytes, bytes]:
    """For a message of size octets -> what goes before it and what goes behind it."""
    return b"%d:%b" % (size + 1, qmtp.LF), b"," + netstring.write(sender) + netstring.write(netstring.write(recipient))


class Client:
    """send() any number of times, then finish(): both give the results that have come. Both raise Lost."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._waiting = 0
        self._answers = Answers()

    def send(self, size: int, sender: bytes, recipient: bytes, message: Iterable[bytes]) -> Iterator[Result]:
        before, behind = frame(size, sender, recipient)
        self._waiting += 1
        self._wire.say(before)
        for piece in message:
            self._wire.say(piece)
            size -= len(piece)
            if size < 0:
                break
            yield from self._exchange(_ENOUGH)
        if size:
            raise Lost("unable to read file: it has changed")
        self._wire.say(behind)
        yield from self._exchange(_ENOUGH)

    def finish(self) -> Iterator[Result]:
        yield from self._exchange(0)
        while self._waiting:
            yield from self._take(self._wire.exchange())

    def _exchange(self, enough: int) -> Iterator[Result]:
        """Until no more than that is left to say."""
        while self._wire.unsaid > enough:
            yield from self._take(self._wire.exchange())

    def _take(self, data: bytes) -> list[Result]:
        found = self._answers.feed(data)
        self._waiting -= len(found)
        if self._waiting < 0:
            raise Lost("remote protocol violation")
        return found


class Answers:
    """Collects input and hands out answers; of a long one TEXT_MAX octets."""

    __slots__ = ("_buffer", "_left", "_text")

    def __init__(self) -> None:
        self._buffer = b""
        self._left: int | None = None  # octets still to come of the answer that has begun
        self._text = b""

    def feed(self, data: bytes) -> list[Result]:
        """Raises Lost."""
        self._buffer += data
        found = []
        while self._step():
            if self._left == -1:
                found.append((self._text[:1], self._text[1:]))
                self._left, self._text = None, b""
        return found

    def _step(self) -> bool:
        """False: more must come first. Where an answer is complete, nothing, not even its comma, is left to come: -1."""
        if self._left is None:
            return self._begin()
        if self._left:
            piece, self._buffer = self._buffer[: self._left], self._buffer[self._left :]
            self._left -= len(piece)
            self._text += piece[: TEXT_MAX - len(self._text)]
            return bool(piece)
        if not self._buffer:
            return False
        if self._buffer[:1] != b"," or self._text[:1] not in (SENT, LATER, NEVER):
            raise Lost("remote protocol violation")
        self._buffer, self._left = self._buffer[1:], -1
        return True

    def _begin(self) -> bool:
        digits, colon, rest = self._buffer.partition(b":")
        if (digits and not digits.isdigit()) or len(digits) > _DIGITS_MAX:
            raise Lost("remote protocol violation")
        if not colon:
            return False
        self._left, self._buffer = int(digits or b"0"), rest
        if not 1 <= self._left <= LENGTH_MAX:
            raise Lost("remote protocol violation")
        return True
