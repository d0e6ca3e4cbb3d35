"""The three ways qmail writes a moment (integer seconds since 1970, UTC).

stamp      b"3 Jan 1996 01:05:34 -0000"       header lines; day unpadded, zone always -0000
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


def mbox(now_s: int) -> bytes:
    t = gmtime(now_s)
    day, month = _DAYS[t.tm_wday], _MONTHS[t.tm_mon - 1]
    return b"%b %b %02d %02d:%02d:%02d %d" % (day, month, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, t.tm_year)


def compact(now_s: int) -> bytes:
    t = gmtime(now_s)
    return b"%d%02d%02d%02d%02d%02d" % (t.tm_year, t.tm_mon, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec)
