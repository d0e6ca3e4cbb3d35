"""The reports of qmailanalog."""

from __future__ import annotations

import pytest

from mta.decisions import analog
from mta.formats import columnt
from mta.formats.analog_line import Line, number, show

LINES = b"""d k 100.0 100.5 101.0 1000 <a@x> local.bo@here 11 500 did_1+0+0/
d z 100.0 102.0 104.0 1000 <a@x> remote.cy@there 11 500 later,_perhaps/
d k 100.0 110.0 110.25 1000 <a@x> remote.cy@there 11 500 ok/
m 100.0 110.5 1000 2 0 1 <a@x> 11 500
d d 200.0 201.0 201.5 50 <> remote.nobody 12 0 no_such_user/
m 200.0 202.0 50 0 1 0 <> 12 0
? 203 bounce msg 1 qp 2
204 warning: trouble
d k 300.0 300.0 300.25 70 <a@x> remote.di@there 13 501 ok/
m 300.0 301.0 70 1 0 0 <a@x> 13 501
"""


def report(name: str, *, most_first: bool = False, lines: bytes = LINES) -> list[bytes]:
    """Its lines behind the explanation."""
    made = analog.REPORTS[name]()
    for line in lines.splitlines(keepends=True):
        made.feed(Line(line))
    text = made.write(most_first=most_first)
    title, explanation, rest = text.split(b"\n\n", 2)
    assert title and explanation
    return rest.splitlines()


def test_zoverall() -> None:
    assert report("zoverall") == [
        b"Completed messages: 3",
        b"Recipients for completed messages: 4",
        b"Total delivery attempts for completed messages: 5",
        b"Average delivery attempts per completed message: 1.66667",
        b"Bytes in completed messages: 1120",
        b"Bytes weighted by success: 2070",
        b"Average message qtime (s): 4.5",
        b"",
        b"Total delivery attempts: 5",
        b"  success: 3",
        b"  failure: 1",
        b"  deferral: 1",
        b"Total ddelay (s): 11.500000",
        b"Average ddelay per success (s): 3.833333",
        b"Total xdelay (s): 3.500000",
        b"Average xdelay per delivery attempt (s): 0.700000",
        b"Time span (days): 0.00232639",
        b"Average concurrency: 0.0174129",
    ]


def test_zoverall_of_nothing_and_of_a_moment() -> None:
    assert report("zoverall", lines=b"") == [b"Completed messages: 0", b"", b"Total delivery attempts: 0"]
    only = report("zoverall", lines=b"d z 1 1 1 5 <a> local.b 1 1 x/\n")
    assert only[-3:] == [b"Total ddelay (s): 0.000000", b"Total xdelay (s): 0.000000", b"Average xdelay per delivery attempt (s): 0.000000"]


def test_zddist() -> None:
    assert report("zddist") == [b"doneby   avg  pct", b"  0.25  0.25  33", b"  1.00  0.62  66", b" 10.25  3.83  100"]
    assert report("zddist", most_first=True)[1] == b" 10.25  3.83  100"
    assert report("zddist", lines=b"") == [b"doneby  avg  pct"]


def test_zddist_shows_the_soonest_of_a_percentage_from_10_on_and_no_time_before_the_birth() -> None:
    many = b"".join(b"d k 0 0 %d 1 <a> local.b 1 1 x/\n" % second for second in range(-5, 995))
    rows = [row.split() for row in report("zddist", lines=many)[1:]]
    assert [row[2] for row in rows] == [b"%d" % p for p in range(10, 101)]
    assert rows[0] == [b"94.00", b"49.00", b"10"]
    late = report("zddist", lines=b"d k 9 9 5 1 <a> local.b 1 1 x/\n")
    assert late == [b"doneby  avg  pct"]


@pytest.mark.parametrize(
    ("name", "rows", "busiest"),
    [
        ("zdeferrals", [b"del  xdelay  reason", b"  1    2.00  later, perhaps/"], b"  1    2.00  later, perhaps/"),
        ("zfailures", [b"del  xdelay  reason", b"  1    0.50  no such user/"], b"  1    0.50  no such user/"),
        ("zsuccesses", [b"del  xdelay  reason", b"  1    0.50  did 1+0+0/", b"  2    0.50  ok/"], b"  2    0.50  ok/"),
        (
            "zrecipients",
            [
                b"sbytes  mess  tries  xdelay  recipient",
                b"    70     1      1    0.25  remote.di@there",
                b"     0     1      1    0.50  remote.nobody",
                b"  1000     1      1    0.50  local.bo@here",
                b"  1000     1      2    2.25  remote.cy@there",
            ],
            b"  1000     1      2    2.25  remote.cy@there",
        ),
        (
            "zrhosts",
            [
                b"sbytes  mess  tries  xdelay  host",
                b"     0     1      1    0.50  remote.nobody",
                b"  1000     1      1    0.50  here",
                b"  1070     2      3    2.50  there",
            ],
            b"  1070     2      3    2.50  there",
        ),
        (
            "zrxdelay",
            [
                b" avg  tries  recipient",
                b"0.25      1  remote.di@there",
                b"0.50      1  local.bo@here",
                b"0.50      1  remote.nobody",
                b"1.12      2  remote.cy@there",
            ],
            b"1.12      2  remote.cy@there",
        ),
        (
            "zsenders",
            [
                b"mess  bytes  sbytes  rbytes  recips  tries    xdelay  sender",
                b"   1     70      70      70       1      1  0.250000  501/<a@x>",
                b"   1     50       0      50       1      1  0.500000  0/<>",
                b"   1   1000    2000    2000       2      3  2.750000  500/<a@x>",
            ],
            b"   1   1000    2000    2000       2      3  2.750000  500/<a@x>",
        ),
        (
            "zsuids",
            [
                b"mess  bytes  sbytes  rbytes  recips  tries    xdelay  uid",
                b"   1     70      70      70       1      1  0.250000  501",
                b"   1     50       0      50       1      1  0.500000  0",
                b"   1   1000    2000    2000       2      3  2.750000  500",
            ],
            b"   1   1000    2000    2000       2      3  2.750000  500",
        ),
    ],
)
def test_tables(name: str, rows: list[bytes], busiest: bytes) -> None:
    assert report(name) == rows
    assert report(name, most_first=True)[:2] == [rows[0], busiest]
    assert sorted(report(name, most_first=True)) == sorted(rows)
    assert report(name, lines=b"") == [b"  ".join(rows[0].split())]


def test_only_the_reasons_lose_their_underscores() -> None:
    lines = b"d k 1 1 2 5 <a_b> local.c_d@e_f 1 1 x_y/\n"
    assert report("zsuccesses", lines=lines)[1].endswith(b"x y/")
    assert report("zrecipients", lines=lines)[1].endswith(b"local.c_d@e_f")


@pytest.mark.parametrize(
    ("word", "value"),
    [(b"12", 12.0), (b"1.5x", 1.5), (b"-.5", -0.5), (b"1e2", 100.0), (b"x", 0.0), (b"", 0.0), (b"901967408.113926", 901967408.113926)],
)
def test_numbers_are_what_awk_takes_for_one(word: bytes, value: float) -> None:
    assert number(word) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.0, b"3"), (25746195.0, b"25746195"), (1 / 3, b"0.333333"), (1234567.5, b"1.23457e+06"), (0.00001, b"1e-05"), (-2.0, b"-2")],
)
def test_numbers_are_written_as_awk_does(value: float, text: bytes) -> None:
    assert show(value) == text


def test_columns() -> None:
    assert columnt.table([b"n name", b"10 joe x", b"", b"1"]) == b" n  name  \n10   joe  x\n\n 1  \n"
    assert columnt.table([]) == b""
