"""The Date of a message as anybody may have written it -> seconds since 1970, UTC. (formats/date822 writes dates.)

Read     "Sat, 3 Jan 1996 01:05:34 +0100 (CET)", without weekday, seconds or zone, with two or three digits of a year, with the zones of
         RFC 822; "Sat Jan  3 01:05:34 1996" as C's asctime and mbox have it; "1996-01-03 01:05:34". A zone nobody knows is UTC.
Limits   years 1900 to 9999, 200 octets
Source   RFC 5322 3.3 and 4.3
"""

from __future__ import annotations

import re
from calendar import monthrange, timegm

_LENGTH_MAX = 200
_MONTHS = {name: i for i, name in enumerate(b"jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
_ZONES = {
    b"ut": 0,
    b"utc": 0,
    b"gmt": 0,
    b"z": 0,
    b"est": -5,
    b"edt": -4,
    b"cst": -6,
    b"cdt": -5,
    b"mst": -7,
    b"mdt": -6,
    b"pst": -8,
    b"pdt": -7,
}
_COMMENT = re.compile(rb"\([^()]*\)")
_TIME = re.compile(rb"(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2}))?(?:[.,]\d+)?$")
_OFFSET = re.compile(rb"(?:gmt|utc)?([+-])(\d{2}):?(\d{2})$")
_ISO = re.compile(rb"(\d{4})-(\d{1,2})-(\d{1,2})(?:[t ]|$)")


def read(text: bytes) -> int | None:
    """None: not a date."""
    text = _COMMENT.sub(b" ", text[:_LENGTH_MAX]).lower().strip()
    iso = _ISO.match(text)
    if iso is not None:
        day = _day(int(iso[1]), int(iso[2]), int(iso[3]))
        words = re.sub(rb"(z|[+-]\d\d:?\d\d)$", rb" \1", text[iso.end() :]).split()
    else:
        words = text.replace(b",", b" ").replace(b"-", b" -").split()
        words = [w for w in words if w[:3] not in _MONTHS or len(w) > 2]
        day, words = _calendar_day(words)
    if day is None:
        return None
    clock, zone = _clock(words), _zone(words)
    return None if clock is None else day + clock - zone


def _calendar_day(words: list[bytes]) -> tuple[int | None, list[bytes]]:
    """Words with a day, the name of a month and a year among them -> (seconds, the other words)."""
    bare = [w.lstrip(b"-") for w in words]
    at = next((i for i, w in enumerate(bare) if w[:3] in _MONTHS), None)
    if at is None:
        return None, []
    month = _MONTHS[bare[at][:3]]
    before = bare[at - 1] if at else b""
    if before.isdigit():  # 3 Jan 1996
        day, rest = before, list(words[at + 1 :])
        year = bare[at + 1] if at + 1 < len(bare) else b""
        rest = rest[1:]
    else:  # Jan 3 01:05:34 1996
        day = bare[at + 1] if at + 1 < len(bare) else b""
        rest = list(words[at + 2 :])
        year = next((w for w in rest if len(w) == 4 and w.isdigit()), b"")
        rest = [w for w in rest if w != year]
    if not day.isdigit() or not year.isdigit() or len(day) > 2 or len(year) > 4:
        return None, []
    return _day(_year(int(year), len(year)), month, int(day)), rest


def _year(year: int, digits: int) -> int:
    if digits == 4:
        return year
    return year + (1900 if digits == 3 or year >= 50 else 2000)


def _day(year: int, month: int, day: int) -> int | None:
    if not (1900 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]):
        return None
    return timegm((year, month, day, 0, 0, 0))


def _clock(words: list[bytes]) -> int | None:
    """Seconds of the day; 0 when no time is named."""
    for word in words:
        found = _TIME.match(word)
        if found is not None:
            hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
            return hour * 3600 + minute * 60 + second if hour < 24 and minute < 60 and second <= 60 else None
    return 0


def _zone(words: list[bytes]) -> int:
    for word in words:
        found = _OFFSET.match(word)
        if found is not None:
            seconds = int(found[2]) * 3600 + int(found[3]) * 60
            return -seconds if found[1] == b"-" else seconds
    return next((_ZONES[w] * 3600 for w in words if w in _ZONES), 0)
