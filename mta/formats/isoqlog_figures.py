"""The figures isoqlog keeps beside its pages, from which it goes on the next time, and which spreadsheets read.

DD.csv   "who",sent,received,size: a line for each address, or domain. A name that a spreadsheet would take for a formula has a "'" before
         it.
AllDays, AllMonths, AllYears   NUMBER,sent,received,size: a line for each day, month, year
Example  b'"joe@example.org",2,5,1024\\n'
Written  by isoqlog.   Read by isoqlog, and people.
Crash    replaced whole: the old ones or the new ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

GENERAL = b"general"  # the page of all domains
_FORMULA = (b"=", b"+", b"-", b"@", b"'")
_DAY_LINE = re.compile(rb'"((?:[^"\n]|"")*)",(\d{1,18}),(\d{1,18}),(\d{1,18})\Z')
_ALL_LINE = re.compile(rb"(\d{1,4}),(\d{1,18}),(\d{1,18}),(\d{1,18})\Z")


@dataclass(frozen=True, slots=True)
class Count:
    sent: int = 0
    received: int = 0
    size: int = 0  # octets of what was sent

    def __add__(self, other: Count) -> Count:
        return Count(self.sent + other.sent, self.received + other.received, self.size + other.size)

    @property
    def total(self) -> int:
        return self.sent + self.received


Rows = dict[bytes, Count]  # of a day: an address or a domain -> what it did
Numbered = dict[int, Count]  # days of a month, months of a year, years


def total(rows: Mapping[bytes, Count] | Mapping[int, Count]) -> Count:
    return sum(rows.values(), Count())


def write_day(rows: Rows) -> bytes:
    return b"".join(b'"%b",%d,%d,%d\n' % (_quote(who), c.sent, c.received, c.size) for who, c in sorted(rows.items()))


def _quote(who: bytes) -> bytes:
    return (b"'" if who.startswith(_FORMULA) else b"") + who.replace(b'"', b'""')


def read_day(data: bytes) -> Rows:
    """Raises ValueError for what write_day() never writes."""
    return {
        found[1].removeprefix(b"'").replace(b'""', b'"'): Count(int(found[2]), int(found[3]), int(found[4]))
        for found in _lines(data, _DAY_LINE)
    }


def write_all(rows: Numbered) -> bytes:
    return b"".join(b"%d,%d,%d,%d\n" % (number, c.sent, c.received, c.size) for number, c in sorted(rows.items()))


def read_all(data: bytes) -> Numbered:
    """Raises ValueError for what write_all() never writes."""
    return {int(found[1]): Count(int(found[2]), int(found[3]), int(found[4])) for found in _lines(data, _ALL_LINE)}


def _lines(data: bytes, pattern: re.Pattern[bytes]) -> Iterable[re.Match[bytes]]:
    *lines, rest = data.split(b"\n")
    if rest:
        raise ValueError("figures of isoqlog that are cut short")
    for line in lines:
        found = pattern.match(line)
        if found is None:
            raise ValueError("no figures of isoqlog")
        yield found
