"""Dates as mess822 reads and writes them."""

from __future__ import annotations

import calendar
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import mess822_when


@pytest.mark.parametrize(
    ("why", "text", "stamp", "unix_s"),
    [
        ("as it should be", b"Tue, 5 Jan 1999 10:00:00 -0500", b"5 Jan 1999 10:00:00 -0500", 915548400),
        ("a short year, no seconds, a name of a zone", b"5 Jan 99 10:00 EST", b"5 Jan 1999 10:00:00 -0500", 915548400),
        ("years before 50 are new", b"5 Jan 01 10:00 GMT", b"5 Jan 2001 10:00:00 +0000", 978688800),
        ("years of three digits", b"5 Jan 101 10:00 GMT", b"5 Jan 2001 10:00:00 +0000", 978688800),
        ("of no zone", b"1 Jan 1970 00:00:00 -0000", b"1 Jan 1970 00:00:00 -0000", 0),
        ("half an hour", b"1 Jan 1970 00:00:00 +0530", b"1 Jan 1970 00:00:00 +0530", -19800),
        ("summer", b"29 Aug 1996 14:04:52 CET DST", b"29 Aug 1996 14:04:52 +0200", 841320292),
        ("behind the last semicolon", b"from a by b; Mon, 5 Jan 1999 10:00:00 GMT", b"5 Jan 1999 10:00:00 +0000", 915530400),
        ("comments", b"5 (five) Jan 1999 10:00:00 +0000 (GMT)", b"5 Jan 1999 10:00:00 +0000", 915530400),
        ("letters of any size", b"5 jAN 1999 10:00:00 gmt", b"5 Jan 1999 10:00:00 +0000", 915530400),
        ("a day that is none", b"31 Feb 2001 00:00:00 GMT", b"31 Feb 2001 00:00:00 +0000", 983577600),
        ("a leap second", b"31 Dec 1998 23:59:60 GMT", b"31 Dec 1998 23:59:60 +0000", 915148800),
    ],
)
def test_a_date_is_read(why: str, text: bytes, stamp: bytes, unix_s: int) -> None:
    found = mess822_when.read(text)
    assert found is not None, why
    assert (found.stamp(), found.unix_s()) == (stamp, unix_s), why


@pytest.mark.parametrize(
    "text",
    [
        b"", b"today", b"5 January 1999 10:00:00 GMT", b"Jan 5 10:00:00 1999", b"5 Jan 1999", b"5 Jan 1999 10 00 GMT",
        b"5 Jan 1999 10:00:00", b"5 Jan 1999 10:00:00 NST", b"x Jan 1999 10:00:00 GMT", b"5 Jan 1999 10:x GMT",
        b"9" * 16 + b" Jan 1999 10:00 GMT",
    ],
)  # fmt: skip
def test_what_is_no_date_is_none(text: bytes) -> None:
    assert mess822_when.read(text) is None


def test_the_other_forms() -> None:
    found = mess822_when.read(b"5 Jan 1999 10:00:09 -0530")
    assert found is not None
    assert found.plain() == b"1999-01-05 10:00:09 -0530"
    assert found.compact() == b"19990105100009"
    assert mess822_when.utc(found.unix_s()).plain() == b"1999-01-05 15:30:09 +0000"
    assert mess822_when.ctime(found.unix_s(), time.gmtime) == b"Tue Jan  5 15:30:09 1999"
    assert mess822_when.local(found.unix_s(), time.gmtime) == b"1999-01-05 15:30:09"


@pytest.mark.parametrize("write", [mess822_when.ctime, mess822_when.local])
def test_a_year_the_library_does_not_know_has_no_local_time(write: object) -> None:
    assert write(1 << 70, time.gmtime) == b""  # type: ignore[operator]


@given(st.integers(-62135596800, 253402300799))
def test_a_moment_and_its_date_are_one(time_s: int) -> None:
    found = mess822_when.utc(time_s)
    t = (found.year, found.month, found.day, found.hour, found.minute, found.second)
    assert calendar.timegm((*t, 0, 0, 0)) == time_s == found.unix_s()
    again = mess822_when.read(found.stamp())
    if found.year >= 999:
        assert again is not None and again.unix_s() == time_s and not again.is_zone_known


@given(st.one_of(st.binary(max_size=60), st.text('0123456789 :;,+-JanGMTEST()"', max_size=40).map(str.encode)))
def test_any_bytes_are_a_date_or_none(text: bytes) -> None:
    found = mess822_when.read(text)
    if found is not None:
        assert found.stamp() and found.plain() and mess822_when.utc(found.unix_s()).plain()
