"""isoqlog's settings, figures and pages."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import isoqlog_conf, isoqlog_figures, isoqlog_pages
from mta.formats.isoqlog_figures import GENERAL, Count

CONF = b"""#isoqlog Configuration file

logtype     = "qmail-multilog" # log type
logstore    = "/var/log/qmail"	#
domainsfile = "/etc/isoqlog.domains"
outputdir   = "/var/www/a#b"
htmldir     = "/usr/share/isoqlog/htmltemp"
langfile    = "/usr/share/isoqlog/lang/english"
hostname    = enderunix.org # no quotes
maxsender   = 10
maxreceiver = "20"
maxtotal    = 30

"""


def test_settings() -> None:
    conf = isoqlog_conf.read(CONF)
    assert (conf.logtype, conf.logstore, conf.domainsfile) == (b"qmail-multilog", b"/var/log/qmail", b"/etc/isoqlog.domains")
    assert (conf.outputdir, conf.hostname) == (b"/var/www/a#b", b"enderunix.org")
    assert (conf.maxsender, conf.maxreceiver, conf.maxtotal, conf.maxbyte) == (10, 20, 30, 100)
    assert isoqlog_conf.read(b"outputdir=x").logtype == b"matchup"


@pytest.mark.parametrize(
    ("why", "text", "words"),
    [
        ("no place", b"", "outputdir is not set"),
        ("no log", b"outputdir=x\nlogtype=qmail-multilog", "logstore is not set"),
        ("a log of others", b"outputdir=x\nlogtype = postfix", "logtype postfix is neither qmail-multilog nor matchup"),
        ("a word that says nothing", b"outputdir=x\ncolour = red", "unable to parse this line: colour = red"),
        ("no number", b"outputdir=x\nmaxbyte = many", "unable to parse this line: maxbyte = many"),
        ("no setting", b"outputdir", "unable to parse this line: outputdir"),
        ("quotes", b'outputdir = "x', 'unable to parse this line: outputdir = "x'),
    ],
)
def test_settings_that_are_none(why: str, text: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        isoqlog_conf.read(text)


def test_domains_are_those_that_can_be_directories() -> None:
    assert isoqlog_conf.domains(b"A.org\n b.org \n../etc\n.hidden\na.org\ngeneral\n\nx/y\n-\n") == [b"a.org", b"b.org", b"-"]


counts = st.builds(Count, st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10**15))


@given(st.dictionaries(st.binary(max_size=20).map(lambda b: b.replace(b"\n", b"_")), counts))
def test_figures_of_a_day_read_back(rows: dict[bytes, Count]) -> None:
    assert isoqlog_figures.read_day(isoqlog_figures.write_day(rows)) == rows


@given(st.dictionaries(st.integers(0, 9999), counts))
def test_figures_of_days_months_and_years_read_back(rows: dict[int, Count]) -> None:
    assert isoqlog_figures.read_all(isoqlog_figures.write_all(rows)) == rows


def test_a_spreadsheet_finds_no_formula() -> None:
    text = isoqlog_figures.write_day({b"=cmd()@x": Count(1), b"@x": Count(1), b'a"b@x': Count(1)})
    assert text == b'"\'=cmd()@x",1,0,0\n"\'@x",1,0,0\n"a""b@x",1,0,0\n'


@pytest.mark.parametrize("data", [b"x", b'"a",1,2\n', b'"a",1,2,3', b'"a"b",1,2,3\n', b"1,2,3,4\n"])
def test_other_files_are_no_figures(data: bytes) -> None:
    with pytest.raises(ValueError):
        isoqlog_figures.read_day(data)


@given(st.binary(max_size=40))
def test_any_bytes_are_figures_or_none(data: bytes) -> None:
    for read in (isoqlog_figures.read_day, isoqlog_figures.read_all):
        try:
            read(data)
        except ValueError:
            pass


ROWS = {b"a@x": Count(3, 1, 2048), b"b@x": Count(1, 5, 10), b"<script>@x": Count(0, 1, 0)}


def test_a_day_has_four_lists_the_most_first_and_as_long_as_wanted() -> None:
    page = isoqlog_pages.day(b"x", (2026, 11, 7), ROWS, (1, 2, 3, 4), b"now")
    assert b"<h1>x: 7 Nov 2026</h1>" in page
    tables = page.split(b"<caption>")[1:]
    assert [re.findall(rb"<tr><td>(.*?)</td>", table) for table in tables] == [
        [b"a@x"],
        [b"b@x", b"&lt;script&gt;@x"],
        [b"a@x", b"b@x"],
        [b"b@x", b"a@x", b"&lt;script&gt;@x"],
    ]
    assert b"<tr><td>a@x</td><td>3</td><td>1</td><td>4</td><td>2.0 KB</td></tr>" in page
    assert b'href="07.csv"' in page and b"<script>" not in page


def test_months_have_totals_and_averages_and_lead_to_their_days() -> None:
    page = isoqlog_pages.days(GENERAL, 2026, 11, {7: Count(3, 1, 2048), 8: Count(1, 1, 0)}, b"now")
    assert b"<h1>General: Nov 2026</h1>" in page
    assert b'<tr><td><a href="07.html">7</a></td><td>3</td><td>1</td><td>4</td><td>2.0 KB</td></tr>' in page
    assert b"<td>Total</td><td>4</td><td>2</td><td>6</td><td>2.0 KB</td>" in page
    assert b"<td>Average</td><td>2</td><td>1</td><td>3</td><td>1.0 KB</td>" in page
    assert b'<a href="11/">Nov</a>' in isoqlog_pages.months(GENERAL, 2026, {11: Count(1)}, b"now")
    assert b'<a href="2026/">2026</a>' in isoqlog_pages.years(GENERAL, {2026: Count(1)}, b"now")


def test_the_first_page_leads_to_all_others() -> None:
    page = isoqlog_pages.index([GENERAL, b"a.org"], b"mail.a.org", b"now")
    assert b'<a href="general/">General</a>' in page and b'<a href="a.org/">a.org</a>' in page and b"mail.a.org" in page


@pytest.mark.parametrize(
    ("octets", "text"), [(0, b"0 B"), (1023, b"1023 B"), (1536, b"1.5 KB"), (5 << 40, b"5.0 TB"), (5 << 50, b"5120.0 TB")]
)
def test_sizes_for_people(octets: int, text: bytes) -> None:
    assert isoqlog_pages.size(octets) == text


@given(st.binary(max_size=40))
def test_nothing_becomes_markup(text: bytes) -> None:
    assert not set(isoqlog_pages.escape(text)) & set(b"<>\"'\n\x80")
