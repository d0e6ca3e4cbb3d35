"""qmail-send's log, matched up: one line for each message that has left the queue, one for each delivery that has ended.

Lines in  "TIME WORDS", as qmail-send writes them (formats/qmaillog), TIME with a fraction or a TAI64N label
Lines out m BIRTH DONE BYTES NK ND NZ <SENDER> QP UID       a message: how many deliveries succeeded, failed, were put off
          d k BIRTH START DONE BYTES <SENDER> CHANNEL.RECIPIENT QP UID REPORT     a delivery that succeeded; d d failed, d z was put off.
          Of a message that stood in a log that is gone: its birth is START, 0 ? ? ? in place of what is not known
          warning: and alert: lines as they are; "? " before whatever is none of qmail-send's, or bounce msg and triple bounce
Pending   at the end: what is still in the queue or under way, as lines that the next run reads before its own log
Order     of the pending as the original has it: who leaves gives his place to the last
Why not decisions/deliveries: that follows restarts and numbers used again, and tells more; here every byte is that of the original, whose
          lines other people's programs read. Words are taken apart as it does, by blanks alone.
Source    matchup(1), matchup.c
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from mta.formats import scan, tai64n

_SEPARATORS = bytes.maketrans(b"\n\t\0", b"   ")
_LOUD = (b"warning:", b"alert:")
_SILENT = (b"status:", b"number", b"local", b"remote")
_OUTCOMES = ((b"succ", b"k"), (b"fail", b"d"), (b"defer", b"z"), (b"report", b"z"))
_MANGLED = b"report_mangled"


@dataclass(slots=True)
class _Message:
    number: int
    birth: bytes
    size: int
    sender: bytes
    qp: int
    uid: int
    successes: int = 0
    failures: int = 0
    deferrals: int = 0

    def pending(self) -> bytes:
        head = b"%b info msg %d: bytes %d from %b qp %d uid %d\n" % (self.birth, self.number, self.size, self.sender, self.qp, self.uid)
        return head + b"%b extra %d %d %d %d\n" % (self.birth, self.number, self.successes, self.deferrals, self.failures)


@dataclass(slots=True)
class _Delivery:
    number: int
    message: int
    start: bytes
    channel: bytes
    recipient: bytes

    def pending(self) -> bytes:
        words = (self.start, self.number, self.message, self.channel, self.recipient)
        return b"%b starting delivery %d: msg %d to %b %b\n" % words


_Row = TypeVar("_Row", _Message, _Delivery)


class _Table(Generic[_Row]):
    """Rows by their number, in places."""

    def __init__(self) -> None:
        self.rows: list[_Row] = []
        self._places: dict[int, int] = {}

    def get(self, number: int) -> _Row | None:
        place = self._places.get(number)
        return None if place is None else self.rows[place]

    def put(self, row: _Row) -> None:
        """In the place of the one with its number, if there is one."""
        place = self._places.setdefault(row.number, len(self.rows))
        self.rows[place : place + 1] = [row]

    def take(self, number: int) -> _Row | None:
        place = self._places.pop(number, None)
        if place is None:
            return None
        row, last = self.rows[place], self.rows.pop()
        if last is not row:
            self.rows[place] = last
            self._places[last.number] = place
        return row

    def clear(self) -> None:
        self.rows.clear()
        self._places.clear()


class Matchup:
    """feed() it line after line, then ask for what is pending()."""

    def __init__(self) -> None:
        self._messages: _Table[_Message] = _Table()
        self._deliveries: _Table[_Delivery] = _Table()

    def feed(self, line: bytes) -> bytes:
        """line: with its newline -> what it adds to the output."""
        words = _Words(line)
        keyword = words[1]
        act = _ACTS.get(keyword)
        if act is not None:
            return act(self, words)
        if keyword in _SILENT:
            return b""
        return line if keyword in _LOUD else b"? " + line

    def pending(self) -> bytes:
        return b"".join([*(m.pending() for m in self._messages.rows), *(d.pending() for d in self._deliveries.rows)])

    def _starting(self, words: _Words) -> bytes:
        self._deliveries.put(_Delivery(words.number(3), words.number(5), words.time, words[7], words[8].lower()))
        return b""

    def _delivery(self, words: _Words) -> bytes:
        delivery = self._deliveries.take(words.number(2))
        if delivery is None:
            return b""
        message = self._messages.get(delivery.message)
        letter = next((letter for word, letter in _OUTCOMES if words[3].startswith(word)), b"")
        reason = b"" if not letter else _MANGLED if words[3].startswith(b"report") else words[4]
        if message is not None:
            message.successes += letter == b"k"
            message.failures += letter == b"d"
            message.deferrals += letter == b"z"
        head = b"d %b " % letter if letter else b"?"
        to = b"%b.%b" % (delivery.channel, delivery.recipient)
        if message is None:
            return head + b"%b %b %b 0 ? %b ? ? %b\n" % (delivery.start, delivery.start, words.time, to, reason)
        known = (message.birth, delivery.start, words.time, message.size, message.sender, to, message.qp, message.uid, reason)
        return head + b"%b %b %b %d %b %b %d %d %b\n" % known

    def _new(self, words: _Words) -> bytes:
        self._messages.take(words.number(3))
        return b""

    def _end(self, words: _Words) -> bytes:
        m = self._messages.take(words.number(3))
        if m is None:
            return b""
        counts = (m.successes, m.failures, m.deferrals)
        return b"m %b %b %d %d %d %d %b %d %d\n" % (m.birth, words.time, m.size, *counts, m.sender, m.qp, m.uid)

    def _info(self, words: _Words) -> bytes:
        number, size, qp, uid = (words.number(i) for i in (3, 5, 9, 11))
        self._messages.put(_Message(number, words.time, size, words[7].lower(), qp, uid))
        return b""

    def _extra(self, words: _Words) -> bytes:
        """What is pending says how often a message was tried: successes, deferrals, failures."""
        message = self._messages.get(words.number(2))
        if message is not None:
            message.successes, message.deferrals, message.failures = (words.number(i) for i in (3, 4, 5))
        return b""

    def _clear(self, _words: _Words) -> bytes:
        """qmail-send has begun, or ended: what was under way will not be heard of."""
        self._deliveries.clear()
        return b""


class _Words:
    """The words of a line, b"" for those it has not. time: the first, in seconds with a fraction."""

    __slots__ = ("_words", "time")

    def __init__(self, line: bytes) -> None:
        self._words = [word for word in line.translate(_SEPARATORS).split(b" ") if word]
        self.time = _decimal(self[0])

    def __getitem__(self, i: int) -> bytes:
        return self._words[i] if i < len(self._words) else b""

    def number(self, i: int) -> int:
        return scan.ulong(self[i])[0]


def _decimal(time: bytes) -> bytes:
    """A TAI64N label as what the original wants to read; anything else as it is."""
    try:
        return b"%d.%09d" % divmod(tai64n.read(time), 1_000_000_000)
    except ValueError:
        return time


_ACTS: dict[bytes, Callable[[Matchup, _Words], bytes]] = {
    b"starting": Matchup._starting,
    b"delivery": Matchup._delivery,
    b"new": Matchup._new,
    b"end": Matchup._end,
    b"info": Matchup._info,
    b"extra": Matchup._extra,
    b"running": Matchup._clear,
    b"exiting": Matchup._clear,
}
