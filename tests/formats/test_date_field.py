from __future__ import annotations

import datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import date822, date_field


@pytest.mark.parametrize(
    ("why", "text", "seconds"),
    [
        ("as RFC 5322 has it", b"Sat, 3 Jan 1996 01:05:34 +0100 (CET)", 820627534),
        ("no weekday", b"3 Jan 1996 01:05:34 +0000", 820631134),
        ("no seconds", b"3 Jan 1996 01:05 GMT", 820631100),
        ("no zone", b"3 Jan 1996 01:05:34", 820631134),
        ("a zone of RFC 822", b"3 Jan 96 01:05:34 EST", 820649134),
        ("three digits of a year", b"3 Jan 096 01:05:34 GMT", 820631134),
        ("a year of this century in two digits", b"3 Jan 26 00:00:00 GMT", 1767398400),
        ("asctime", b"Sat Jan  3 01:05:34 1996", 820631134),
        ("ISO", b"1996-01-03 01:05:34", 820631134),
        ("ISO with T and Z", b"1996-01-03T01:05:34Z", 820631134),
        ("ISO with an offset", b"1996-01-03T01:05:34+01:00", 820627534),
        ("hyphens", b"Wed, 03-Jan-1996 01:05:34 GMT", 820631134),
        ("a leap second", b"3 Jan 1996 01:05:60 GMT", 820631160),
        ("the year 1950", b"1 Jan 1950 00:00:00 GMT", -631152000),
        ("the day alone", b"3 Jan 1996", 820627200),
        ("nothing", b"", None),
        ("words", b"yesterday", None),
        ("no such day", b"31 Feb 2020 00:00:00 GMT", None),
        ("no such hour", b"3 Jan 1996 25:00:00 GMT", None),
        ("a year too late", b"3 Jan 99999 01:05:34 GMT", None),
        ("a year of one digit is of this century", b"3 Jan 6 00:00:00 GMT", 1136246400),
        ("a script", b"<script>alert(1)</script>", None),
        ("a month alone", b"Jan", None),
        ("an endless one", b"3 Jan 1996 " + b"(" * 100_000, 820627200),
    ],
)
def test_it_reads_dates(why: str, text: bytes, seconds: int | None) -> None:
    assert date_field.read(text) == seconds, why


@given(st.integers(min_value=0, max_value=32_503_680_000))
def test_it_reads_what_we_write(seconds: int) -> None:
    assert date_field.read(date822.stamp(seconds)) == seconds


@given(st.datetimes(min_value=datetime.datetime(1900, 1, 2), timezones=st.timezones()))
def test_it_reads_what_others_write(moment: datetime.datetime) -> None:
    offset = moment.utcoffset()
    assert offset is not None
    whole = offset - offset % datetime.timedelta(minutes=1)
    written = moment.replace(microsecond=0, tzinfo=datetime.timezone(whole))
    assert date_field.read(format_datetime(written).encode()) == int(written.timestamp())


@given(st.binary(max_size=80))
def test_it_never_raises(text: bytes) -> None:
    date_field.read(text)
