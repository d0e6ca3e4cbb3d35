"""The four ways qmail writes a moment (integer seconds since 1970, UTC).

stamp      b"3 Jan 1996 01:05:34 -0000"       header lines; day unpadded, zone always -0000
local      b"3 Jan 1996 02:05:34 +0100"       the same with the zone of this machine (predate)
mbox       b"Sat Jan 03 01:05:34 1996"        From_ lines; day padded with a zero
compact    b"19960103010534"                  Message-ID
Source     date822fmt.c, mbox(5), RFC 5322 3.3
"""

from __future__ import annotations

from time import gmtime

_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_DAYS = (b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun")


def stamp(now_s: int) -> bytes:
    t = gmtime(now_s)
    return b"%d %b %d %02d:%02d:%02d -0000" % (t.tm_mday, _MONTHS[t.tm_mon - 1], t.tm_year, t.tm_hour, t.tm_min, t.tm_sec)


def local_stamp(now_s: int, offset_s: int) -> bytes:
    """offset_s: of local time, east of Greenwich; shown to the nearest minute."""
    sign = b"-" if offset_s < 0 else b"+"
    hours, minutes = divmod((abs(offset_s) + 30) // 60, 60)
    return stamp(now_s + offset_s)[: -len(b"-0000")] + b"%b%02d%02d" % (sign, hours, minutes)


def mbox(now_s: int) -> bytes:
    t = gmtime(now_s)
    day, month = _DAYS[t.tm_wday], _MONTHS[t.tm_mon - 1]
    return b"%b %b %02d %02d:%02d:%02d %d" % (day, month, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, t.tm_year)


def compact(now_s: int) -> bytes:
    t = gmtime(now_s)
    return b"%d%02d%02d%02d%02d%02d" % (t.tm_year, t.tm_mon, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec)
