"""Which addresses recently timed out and are better left alone for an hour.

Source   INTERNALS 7, tcpto.c
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mta.formats.tcpto import Entry

_COUNT_MAX = 10
_SKIP_FROM = 2  # time-outs before an address is left out
_SAME_OUTAGE_S = 120  # time-outs closer together count once


def find(entries: Sequence[Entry], ip: bytes) -> int | None:
    """Index of the record of an address (4 octets)."""
    return next((i for i, e in enumerate(entries) if e.ip == ip), None)


def is_skipped(entries: Sequence[Entry], ip: bytes, *, now_s: int, pid: int) -> bool:
    """pid spreads the end of the pause over 64 to 97 minutes, so that not all processes try again at once."""
    i = find(entries, ip)
    if i is None or entries[i].count < _SKIP_FROM:
        return False
    # a time-out from the future, noted before the clock was set back, says nothing
    return 0 <= now_s - entries[i].when_s < (60 + (pid & 31)) * 64


def timed_out(entries: Sequence[Entry], ip: bytes, *, now_s: int) -> tuple[int, Entry] | None:
    """After a connection timed out -> (index, record to write), or None: nothing to write."""
    if not entries:
        return None
    i = find(entries, ip)
    if i is not None:
        entry = entries[i]
        if entry.count and entry.when_s <= now_s < entry.when_s + _SAME_OUTAGE_S:
            return None
        return i, Entry(ip, min(entry.count + 1, _COUNT_MAX), now_s)
    i = next((i for i, e in enumerate(entries) if e.count == 0), None)
    if i is None:
        i = min(range(len(entries)), key=lambda j: entries[j].when_s + entries[j].count * 1024)
    return i, Entry(ip, 1, now_s)


def connected(entries: Sequence[Entry], ip: bytes) -> tuple[int, Entry] | None:
    """After a connection came about -> (index, record to write), or None."""
    i = find(entries, ip)
    return None if i is None else (i, replace(entries[i], count=0))
