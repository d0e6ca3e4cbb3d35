"""The reports of qmailanalog: what matchup's lines say of messages, deliveries, senders, recipients, hosts and reasons.

Words     birth: when a message came; done: when it left the queue; start, end: of a delivery
          qtime = done - birth; ddelay = end - birth, of a success; xdelay = end - start
Numbers   as awk adds and writes them (formats/analog_line); columns as columnt sets them
Order     as the original: by xdelay, the least first. most_first is that of indimail's fork: the busiest first.
Cost      a line is looked at once; what is kept is a row for each sender, recipient, host or reason
Source    qmailanalog 0.70, its man pages and scripts
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from mta.formats import columnt
from mta.formats.analog_line import Line, number, show

_DAY_S = 86400
_SHOWN_FROM = 10  # percent


class Report(Protocol):
    """feed() it every line, then write() it."""

    def feed(self, line: Line) -> None: ...

    def write(self, *, most_first: bool) -> bytes: ...


# ---- zoverall ----


@dataclass(slots=True)
class _Span:
    """The time all this took."""

    first: float | None = None
    last: float = 0.0

    def add(self, first: float, last: float) -> None:
        if self.first is None:
            self.first, self.last = first, last
        self.first, self.last = min(self.first, first), max(self.last, last)

    @property
    def seconds(self) -> float:
        return 0.0 if self.first is None else self.last - self.first


@dataclass(slots=True)
class Overall:
    """zoverall."""

    messages: int = 0
    recipients: float = 0
    tries: float = 0
    size: float = 0
    size_by_success: float = 0
    qtime: float = 0
    deliveries: int = 0
    successes: int = 0
    failures: int = 0
    ddelay: float = 0
    xdelay: float = 0
    span: _Span = field(default_factory=_Span)

    def feed(self, line: Line) -> None:
        n = line.number
        if line.is_message:
            self.messages += 1
            self.size += n(4)
            self.size_by_success += n(4) * n(5)
            self.qtime += n(3) - n(2)
            self.recipients += n(5) + n(6)
            self.tries += n(5) + n(6) + n(7)
            self.span.add(n(2), n(3))
        elif line.is_delivery:
            self.deliveries += 1
            self.xdelay += n(5) - n(4)
            if line.is_outcome(b"k"):
                self.successes += 1
                self.ddelay += n(5) - n(3)
            self.failures += line.is_outcome(b"d")
            self.span.add(n(3), n(5))

    def write(self, *, most_first: bool) -> bytes:
        return _TITLES["zoverall"] + b"".join(b"%b\n" % line for line in [*self._of_messages(), b"", *self._of_deliveries()])

    def _of_messages(self) -> list[bytes]:
        lines = [b"Completed messages: %d" % self.messages]
        if self.messages:
            lines += [
                b"Recipients for completed messages: " + show(self.recipients),
                b"Total delivery attempts for completed messages: " + show(self.tries),
                b"Average delivery attempts per completed message: " + show(self.tries / self.messages),
                b"Bytes in completed messages: " + show(self.size),
                b"Bytes weighted by success: " + show(self.size_by_success),
                b"Average message qtime (s): " + show(self.qtime / self.messages),
            ]
        return lines

    def _of_deliveries(self) -> list[bytes]:
        lines = [b"Total delivery attempts: %d" % self.deliveries]
        if not self.deliveries:
            return lines
        lines += [
            b"  success: %d" % self.successes,
            b"  failure: %d" % self.failures,
            b"  deferral: %d" % (self.deliveries - self.successes - self.failures),
            b"Total ddelay (s): %.6f" % self.ddelay,
        ]
        if self.successes:
            lines.append(b"Average ddelay per success (s): %.6f" % (self.ddelay / self.successes))
        lines += [
            b"Total xdelay (s): %.6f" % self.xdelay,
            b"Average xdelay per delivery attempt (s): %.6f" % (self.xdelay / self.deliveries),
        ]
        if self.span.seconds > 0:
            lines += [
                b"Time span (days): " + show(self.span.seconds / _DAY_S),
                b"Average concurrency: " + show(self.xdelay / self.span.seconds),
            ]
        return lines


# ---- zddist ----


class Ddist:
    """zddist. Deliveries that took equally long, to six digits, are one in the averages, as in the original."""

    def __init__(self) -> None:
        self._counts: dict[float, int] = {}

    def feed(self, line: Line) -> None:
        if line.is_outcome(b"k"):
            ddelay = float(show(line.number(5) - line.number(3)))
            self._counts[ddelay] = self._counts.get(ddelay, 0) + 1

    def write(self, *, most_first: bool) -> bytes:
        rows = list(self._rows())
        return _TITLES["zddist"] + columnt.table([b"doneby avg pct", *(reversed(rows) if most_first else rows)])

    def _rows(self) -> Iterable[bytes]:
        total = sum(self._counts.values())
        so_far, below = 0, 0.0
        least: dict[int, float] = {}
        average: dict[int, float] = {}
        for count, ddelay in enumerate(sorted(self._counts), 1):
            so_far += self._counts[ddelay]
            below += ddelay
            percent = so_far * 100 // total
            least.setdefault(percent, ddelay)
            average[percent] = below / count
        for percent, doneby in least.items():
            if percent >= _SHOWN_FROM and doneby >= 0:
                yield b"%.2f %.2f %d" % (doneby, average[percent], percent)


# ---- tables of who and why ----


class Reasons:
    """zsuccesses, zfailures, zdeferrals."""

    def __init__(self, name: str, letter: bytes) -> None:
        self._name = name
        self._letter = letter
        self._rows: dict[bytes, list[float]] = {}

    def feed(self, line: Line) -> None:
        if line.is_outcome(self._letter):
            row = self._rows.setdefault(line.word(11), [0, 0])
            row[0] += 1
            row[1] += line.number(5) - line.number(4)

    def write(self, *, most_first: bool) -> bytes:
        rows = [b"%d %.2f %b" % (count, xdelay, reason) for reason, (count, xdelay) in self._rows.items()]
        ordered = _by_columns(rows, [2], most_first=most_first)
        return _TITLES[self._name] + columnt.table([b"del xdelay reason", *ordered]).replace(b"_", b" ")


def _recipient(line: Line) -> bytes:
    return line.word(8)


def _host(line: Line) -> bytes:
    return line.word(8).rpartition(b"@")[2]


class Recipients:
    """zrecipients, zrhosts."""

    def __init__(self, name: str, column: bytes, whose: Callable[[Line], bytes]) -> None:
        self._name = name
        self._column = column
        self._whose = whose
        self._rows: dict[bytes, list[float]] = {}  # octets, k and d, tries, xdelay

    def feed(self, line: Line) -> None:
        if not line.is_delivery:
            return
        row = self._rows.setdefault(self._whose(line), [0, 0, 0, 0])
        letter = line.word(2)
        row[0] += line.number(6) if letter == b"k" else 0
        row[1] += letter in (b"k", b"d")
        row[2] += letter in (b"k", b"d", b"z")
        row[3] += line.number(5) - line.number(4)

    def rows(self) -> list[bytes]:
        return [b"%b %d %d %.2f %b" % (show(size), done, tries, xdelay, who) for who, (size, done, tries, xdelay) in self._rows.items()]

    def write(self, *, most_first: bool) -> bytes:
        ordered = _by_columns(self.rows(), [1, 2, 4, 3] if most_first else [4], most_first=most_first)
        return _TITLES[self._name] + columnt.table([b"sbytes mess tries xdelay " + self._column, *ordered])


class RecipientDelays:
    """zrxdelay: in which order a mailing list is best sent."""

    def __init__(self) -> None:
        self._recipients = Recipients("zrecipients", b"recipient", _recipient)

    def feed(self, line: Line) -> None:
        self._recipients.feed(line)

    def write(self, *, most_first: bool) -> bytes:
        rows = []
        for row in self._recipients.rows():
            _, _, tries, xdelay, who = row.split(b" ", 4)
            if tries != b"0":
                rows.append(b"%.2f %b %b" % (number(xdelay) / number(tries), tries, who))
        return _TITLES["zrxdelay"] + columnt.table([b"avg tries recipient", *_by_columns(rows, [1], most_first=most_first)])


class Senders:
    """zsenders, zsuids."""

    def __init__(self, name: str, column: bytes, whose: Callable[[Line], bytes], columns: list[int]) -> None:
        self._name = name
        self._column = column
        self._whose = whose
        self._columns = columns  # by which they are ordered, most first
        self._rows: dict[bytes, list[float]] = {}  # messages, octets, by success, by recipient, recipients, tries
        self._xdelay: dict[bytes, float] = {}

    def feed(self, line: Line) -> None:
        who = self._whose(line)
        n = line.number
        if line.is_message:
            row = self._rows.setdefault(who, [0, 0, 0, 0, 0, 0])
            for i, value in enumerate((1, n(4), n(4) * n(5), n(4) * (n(5) + n(6)), n(5) + n(6), n(5) + n(6) + n(7))):
                row[i] += value
        elif line.is_delivery:
            self._xdelay[who] = self._xdelay.get(who, 0) + n(5) - n(4)

    def write(self, *, most_first: bool) -> bytes:
        rows = [b"%b %.6f %b" % (b" ".join(map(show, row)), self._xdelay.get(who, 0), who) for who, row in self._rows.items()]
        ordered = _by_columns(rows, self._columns if most_first else [7], most_first=most_first)
        return _TITLES[self._name] + columnt.table([b"mess bytes sbytes rbytes recips tries xdelay " + self._column, *ordered])


def _uid(line: Line) -> bytes:
    return line.word(10)


def _sender(line: Line) -> bytes:
    return b"%b/%b" % (line.word(10), line.word(8 if line.is_message else 7))


def _by_columns(rows: list[bytes], columns: list[int], *, most_first: bool) -> list[bytes]:
    """columns: counted from 1. What is equal in all of them is ordered by its bytes."""

    def key(row: bytes) -> tuple[list[float], bytes]:
        words = row.split()
        return [number(words[i - 1]) for i in columns], row

    return sorted(rows, key=key, reverse=most_first)


# ---- all of them ----

REPORTS: dict[str, Callable[[], Report]] = {
    "zoverall": Overall,
    "zddist": Ddist,
    "zsuccesses": lambda: Reasons("zsuccesses", b"k"),
    "zfailures": lambda: Reasons("zfailures", b"d"),
    "zdeferrals": lambda: Reasons("zdeferrals", b"z"),
    "zrecipients": lambda: Recipients("zrecipients", b"recipient", _recipient),
    "zrhosts": lambda: Recipients("zrhosts", b"host", _host),
    "zrxdelay": RecipientDelays,
    "zsenders": lambda: Senders("zsenders", b"sender", _sender, [1, 2, 3, 4, 6]),
    "zsuids": lambda: Senders("zsuids", b"uid", _uid, [1, 2, 3, 4]),
}

_DEL = b"del: how many deliveries ended so; xdelay: how long they took, all together.\n\n"
_PER_RECIPIENT = (
    b"sbytes: octets delivered; mess: messages that were delivered or failed for good; tries: deliveries begun;\n"
    b"xdelay: how long these took, all together.\n\n"
)
_PER_SENDER = (
    b"mess: messages that have left the queue; bytes: their octets; sbytes: these, counted once for each recipient that got them;\n"
    b"rbytes: once for each recipient, those that did not get them as well; recips: recipients; tries: deliveries begun;\n"
    b"xdelay: how long these took, all together.\n\n"
)
_TITLES = {
    "zoverall": (
        b"Basic statistics\n\nqtime: how long a message was in the queue. ddelay: from when it came to a successful delivery.\n"
        b"xdelay: how long a delivery took. Average concurrency: how many were under way at a time.\n\n"
    ),
    "zddist": (
        b"Distribution of ddelays for successful deliveries\n\nThe first pct % of all were done within doneby seconds, in avg seconds "
        b"on average.\n\n"
    ),
    "zsuccesses": b"Reasons for success\n\n" + _DEL,
    "zfailures": b"Reasons for failure\n\n" + _DEL,
    "zdeferrals": b"Reasons for deferral\n\n" + _DEL,
    "zrecipients": b"Recipients\n\n" + _PER_RECIPIENT,
    "zrhosts": b"Recipient hosts\n\n" + _PER_RECIPIENT,
    "zrxdelay": b"Recipients in the best order for mailing lists\n\navg: how long a delivery takes on average; tries: of how many.\n\n",
    "zsenders": b"Senders\n\n" + _PER_SENDER,
    "zsuids": b"Sender uids\n\n" + _PER_SENDER,
}
