"""Dates in header fields as mess822 reads and writes them.

Read     "Fri, 29 Aug 1996 14:04:52 CDT": day, month, year, hour, minute, perhaps second, zone, perhaps DST, in this order, behind the last
         comma or semicolon; comments and all that is not expected there pass. Years of one or two digits: 00 to 49 are after 2000.
Zones    +hhmm, -hhmm; names that mess822 knows; -0000 is UTC of somebody whose zone is not known
Written  b"29 Aug 1996 14:04:52 -0500"; for people b"1996-08-29 14:04:52 -0500", and as C's ctime does
Limits   numbers of 15 digits; what is out of the calendar (a 31st of February) counts on from where it would be
Loaded by programs that run per message: builtins only.
Source   mess822_when(3), mess822_date(3), caltime(3)
"""

from __future__ import annotations

from mta.formats import mess822
from mta.formats.mess822 import TEXT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from time import struct_time

    LocalTime = Callable[[int], struct_time]  # time.localtime: the zone

_MONTHS = (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec")
_WEEKDAYS = (b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun")
_DIGITS = frozenset(b"0123456789")
_DIGITS_MAX = 15
_ZONES = {  # minutes east of Greenwich
    b"ut": 0, b"gmt": 0, b"bst": 60, b"cdt": -300, b"cet": 60, b"cst": -360, b"edt": -240, b"eet": 120, b"est": -300,
    b"hkt": 480, b"ist": 120, b"jst": 540, b"mdt": -360, b"met": 60, b"metdst": 120, b"mst": -420, b"pdt": -420, b"pst": -480,
}  # fmt: skip
_DAY, _MONTH, _YEAR, _HOUR, _FIRST_COLON, _MINUTE, _SECOND_COLON, _SECOND, _ZONE, _END = range(1, 11)
_EPOCH = 719468  # days from 1 March of the year 0 to 1970


class When:
    """offset_min: east of Greenwich. is_zone_known: else it is UTC, told by somebody who did not say where he is."""

    __slots__ = ("day", "hour", "is_zone_known", "minute", "month", "offset_min", "second", "year")

    def __init__(self) -> None:
        self.year, self.month, self.day = 1970, 1, 1
        self.hour = self.minute = self.second = self.offset_min = 0
        self.is_zone_known = False

    def unix_s(self) -> int:
        """Seconds since 1970."""
        return _days(self.year, self.month, self.day) * 86400 + (self.hour * 60 + self.minute - self.offset_min) * 60 + self.second

    def stamp(self) -> bytes:
        """As in a header."""
        zone = b"-0000"
        if self.is_zone_known:
            zone = b"%c%02d%02d" % (ord("-" if self.offset_min < 0 else "+"), *divmod(abs(self.offset_min), 60))
        month = _MONTHS[self.month - 1].capitalize()
        return b"%d %b %d %02d:%02d:%02d %b" % (self.day, month, self.year, self.hour, self.minute, self.second, zone)

    def compact(self) -> bytes:
        """As in a Message-ID."""
        return b"%d%02d%02d%02d%02d%02d" % (self.year, self.month, self.day, self.hour, self.minute, self.second)

    def plain(self) -> bytes:
        zone = b"%c%02d%02d" % (ord("-" if self.offset_min < 0 else "+"), *divmod(abs(self.offset_min), 60))
        date = b"%d-%02d-%02d" % (self.year, self.month, self.day)
        return b"%b %02d:%02d:%02d %b" % (date, self.hour, self.minute, self.second, zone)


def utc(time_s: int) -> When:
    """The moment, of an unknown zone. Any integer."""
    found = When()
    days, seconds = divmod(time_s, 86400)
    found.hour, found.minute, found.second = seconds // 3600, seconds // 60 % 60, seconds % 60
    era, day_of_era = divmod(days + _EPOCH, 146097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    from_march = (5 * day_of_year + 2) // 153
    found.day = day_of_year - (153 * from_march + 2) // 5 + 1
    found.month = from_march + 3 if from_march < 10 else from_march - 9
    found.year = era * 400 + year_of_era + (1 if found.month <= 2 else 0)
    return found


def local(time_s: int, localtime: LocalTime) -> bytes:
    """b"1996-08-29 14:04:52". b"" for a time that localtime does not know."""
    try:
        t = localtime(time_s)
    except (OverflowError, OSError, ValueError):
        return b""
    return b"%d-%02d-%02d %02d:%02d:%02d" % (t.tm_year, t.tm_mon, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec)


def ctime(time_s: int, localtime: LocalTime) -> bytes:
    """b"Thu Aug 29 14:04:52 1996". b"" for a time that localtime does not know."""
    try:
        t = localtime(time_s)
    except (OverflowError, OSError, ValueError):
        return b""
    day, month = _WEEKDAYS[t.tm_wday], _MONTHS[t.tm_mon - 1].capitalize()
    return b"%b %b %2d %02d:%02d:%02d %d" % (day, month, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, t.tm_year)


def _days(year: int, month: int, day: int) -> int:
    """Since 1970. A year is reckoned from March, so that its odd day comes last."""
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - _EPOCH


def read(text: bytes) -> When | None:
    """text: of a field, without its newlines. None: no date that can be understood."""
    tokens = mess822.tokens(text)
    start = next((i for i in range(len(tokens) - 1, 0, -1) if tokens[i][0] in (b";", b",")), 0)
    found = When()
    state = _DAY
    for kind, word in tokens[start:]:
        if kind == b":" and state in (_FIRST_COLON, _SECOND_COLON):
            state += 1
        elif kind == TEXT:
            if state == _SECOND_COLON:  # no seconds
                state = _ZONE
            if not _take(found, state, word.lower()):
                return None
            state = min(state + 1, _END)
    return found if state == _END else None


def _take(found: When, state: int, word: bytes) -> bool:
    """The word that stands there. False: it makes no sense."""
    if state == _MONTH:
        if word not in _MONTHS:
            return False
        found.month = _MONTHS.index(word) + 1
        return True
    if state == _ZONE:
        return _zone(found, word)
    if state == _END:
        found.offset_min += 60 if word == b"dst" else 0
        return True
    number = _number(word)
    if number is None or state == _FIRST_COLON:
        return False
    if state == _YEAR:
        number += 2000 if number < 50 else 0
        number += 1900 if number < 999 else 0
    setattr(found, {_DAY: "day", _YEAR: "year", _HOUR: "hour", _MINUTE: "minute", _SECOND: "second"}[state], number)
    return True


def _zone(found: When, word: bytes) -> bool:
    number = _number(word)
    found.is_zone_known = word != b"-0000"
    if number is not None:
        minutes = abs(number) // 100 * 60 + abs(number) % 100
        found.offset_min = minutes if number >= 0 else -minutes
    else:
        found.offset_min = _ZONES.get(word, 0)
    return number is not None or word in _ZONES


def _number(word: bytes) -> int | None:
    digits = word[1:] if word[:1] in (b"+", b"-") else word
    if not _DIGITS.issuperset(digits) or len(digits) > _DIGITS_MAX:
        return None
    return int(digits or b"0") * (-1 if word.startswith(b"-") else 1)
