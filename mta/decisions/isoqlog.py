"""What isoqlog counts: for each day, who sent how many messages, of how many octets, and who received how many.

Sent      a message that has left the queue, on the day it came; its octets count once
Received  a delivery that succeeded, on that day. A local recipient loses the name of his domain before him ("example.org-joe@example.org"),
          which a virtual domain put there.
Where     in general: domains; for a domain that is listed: its addresses. What has no domain is counted in general as "<>".
Days      of local time
Source    isoqlog: Parser.c, Data.c; here mail that is tried again is received once, when it has arrived
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import struct_time

from mta.formats.analog_line import Line
from mta.formats.isoqlog_figures import GENERAL, Count, Rows, total

NOBODY = b"<>"

LocalTime = Callable[[int], struct_time]
Day = tuple[int, int, int]  # year, month, day


class Tally:
    """feed() it lines of matchup's. days: page (GENERAL or a domain) -> day -> rows."""

    def __init__(self, domains: Iterable[bytes], localtime: LocalTime) -> None:
        self.days: dict[bytes, dict[Day, Rows]] = {page: {} for page in (GENERAL, *domains)}
        self._localtime = localtime

    def feed(self, line: Line) -> None:
        if line.is_message:
            self._add(line.number(2), line.word(8).removeprefix(b"<").removesuffix(b">"), Count(sent=1, size=int(line.number(4))))
        elif line.is_outcome(b"k"):
            self._add(line.number(5), _recipient(line.word(8)), Count(received=1))

    def _add(self, time_s: float, address: bytes, count: Count) -> None:
        try:
            t = self._localtime(int(time_s))
        except (OverflowError, OSError, ValueError):  # no time of a log
            return
        day = (t.tm_year, t.tm_mon, t.tm_mday)
        domain = address.rpartition(b"@")[2] if b"@" in address else NOBODY
        self._count(GENERAL, day, domain, count)
        if domain in self.days and domain != GENERAL:
            self._count(domain, day, address, count)

    def _count(self, page: bytes, day: Day, who: bytes, count: Count) -> None:
        rows = self.days[page].setdefault(day, {})
        rows[who] = rows.get(who, Count()) + count


def _recipient(word: bytes) -> bytes:
    """b"local.joe@x" -> b"joe@x"."""
    channel, _, address = word.partition(b".")
    box, at, domain = address.rpartition(b"@")
    return address if channel != b"local" or not at else box.removeprefix(domain + b"-") + at + domain


def merged(old: Rows, new: Rows, *, is_adding: bool) -> Rows:
    """What is known of a day. is_adding: new tells what old does not know; else the one that knows more is right."""
    if is_adding:
        return {who: old.get(who, Count()) + new.get(who, Count()) for who in {**old, **new}}
    return new if total(new).total >= total(old).total else old
