"""isoqlog: pages from matchup's lines and from multilog's directories."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta.decisions import isoqlog
from mta.formats.isoqlog_figures import Count
from tests.support.call import Result, call

DAY = 1795176000  # 20 Nov 2026 12:00 UTC
NEXT = DAY + 86400
USAGE = b"isoqlog: usage: isoqlog [ -a ] [ -f conf ]\n"
LINES = b"""d k %(a)d.0 %(a)d.5 %(a)d.9 1000 <ann@a.org> local.b.org-bo@b.org 11 500 ok/
d z %(a)d.0 %(a)d.5 %(a)d.9 1000 <ann@a.org> remote.cy@c.org 11 500 later/
d k %(a)d.0 %(b)d.5 %(b)d.9 1000 <ann@a.org> remote.cy@c.org 11 500 ok/
m %(a)d.0 %(b)d.9 1000 2 0 1 <ann@a.org> 11 500
m %(b)d.0 %(b)d.9 50 0 1 0 <> 12 0
d k %(b)d.0 %(b)d.5 %(b)d.9 50 <> local.ann@a.org 12 0 ok/
? 1 bounce msg 1 qp 2
"""  # fmt: skip


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC0")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class Site:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "out"
        (folder / "domains").write_text("a.org\nb.org\n")
        self.conf(f'domainsfile = "{folder}/domains"\n')

    def conf(self, more: str) -> None:
        (self.folder / "conf").write_text(f'outputdir = "{self.out}"\nhostname = "mail.a.org"\n{more}')

    def run(self, *options: bytes, lines: bytes = b"") -> Result:
        return call("isoqlog", [*options, b"-f", os.fsencode(self.folder / "conf")], {}, lines)

    def read(self, path: str) -> str:
        return (self.out / path).read_text()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


MATCHED = LINES % {b"a": DAY, b"b": NEXT}


def test_pages_and_figures(site: Site) -> None:
    assert site.run(lines=MATCHED) == Result(0, b"", b"")
    files = sorted(str(p.relative_to(site.out)) for p in site.out.rglob("*") if p.is_file())
    month = ["20.csv", "20.html", "21.csv", "21.html", "AllDays", "index.html"]
    tail = ["2026/AllMonths", "2026/index.html", "AllYears", "index.html"]
    both = [f"2026/11/{name}" for name in month] + tail
    bo = [f"2026/11/{name}" for name in month if not name.startswith("21")] + tail
    assert files == sorted(
        ["index.html", *(f"{page}/{name}" for page, names in (("a.org", both), ("b.org", bo), ("general", both)) for name in names)]
    )
    assert site.read("general/2026/11/20.csv") == '"a.org",1,0,1000\n"b.org",0,1,0\n'
    assert site.read("general/2026/11/21.csv") == '"<>",1,0,50\n"a.org",0,1,0\n"c.org",0,1,0\n'
    assert site.read("a.org/2026/11/20.csv") == '"ann@a.org",1,0,1000\n'
    assert site.read("b.org/2026/11/20.csv") == '"bo@b.org",0,1,0\n'
    assert site.read("general/2026/11/AllDays") == "20,1,1,1000\n21,1,2,50\n"
    assert site.read("general/2026/AllMonths") == "11,2,3,1050\n"
    assert site.read("general/AllYears") == "2026,2,3,1050\n"
    assert "mail.a.org" in site.read("index.html")
    assert "&lt;&gt;" in site.read("general/2026/11/21.html")


def test_the_same_log_again_changes_nothing_and_less_of_it_neither(site: Site) -> None:
    site.run(lines=MATCHED)
    figures = {p: p.read_bytes() for p in site.out.rglob("*") if p.is_file() and p.suffix != ".html"}
    site.run(lines=MATCHED)
    site.run(lines=b"".join(MATCHED.splitlines(keepends=True)[:1]))
    assert {p: p.read_bytes() for p in figures} == figures


def test_more_of_a_day_replaces_it(site: Site) -> None:
    site.run(lines=MATCHED)
    site.run(lines=MATCHED + MATCHED)
    assert site.read("general/2026/11/AllDays") == "20,2,2,2000\n21,2,4,100\n"


def test_what_is_new_is_added(site: Site) -> None:
    site.run(lines=MATCHED)
    site.run(b"-a", lines=LINES % {b"a": NEXT, b"b": NEXT + 40 * 86400})
    assert site.read("a.org/2026/11/AllDays") == "20,1,0,1000\n21,1,1,1000\n"
    assert site.read("general/2026/AllMonths") == "11,3,4,2050\n12,1,2,50\n"
    assert site.read("general/AllYears") == "2026,4,6,2100\n"


def test_a_directory_of_multilog(site: Site) -> None:
    site.conf(f'logtype = "qmail-multilog"\nlogstore = "{site.folder}/log"\n')
    log = site.folder / "log"
    log.mkdir()
    label = f"@{(1 << 62) + 10 + DAY:016x}00000000"
    (log / f"{label}.s").write_text(
        f"{label} info msg 7: bytes 295 from <Ann@a.org> qp 22 uid 10\n{label} starting delivery 1: msg 7 to remote bo@c.org\n"
    )
    (log / "current").write_text(f"{label} delivery 1: success: ok/\n{label} end msg 7\n")
    for _ in range(2):
        assert site.run() == Result(0, b"", b"")
        assert site.read("general/2026/11/20.csv") == '"a.org",1,0,295\n"c.org",0,1,0\n'
    assert sorted(p.name for p in site.out.iterdir()) == ["general", "index.html"]


def test_nothing_to_count_still_makes_the_pages(site: Site) -> None:
    assert site.run() == Result(0, b"", b"")
    assert sorted(p.name for p in site.out.iterdir()) == ["a.org", "b.org", "general", "index.html"]


@pytest.mark.parametrize(
    ("why", "conf", "code", "words"),
    [
        ("a setting", "colour = red\n", 100, b"unable to read CONF: unable to parse this line: colour = red"),
        ("the domains", 'domainsfile = "/nowhere"\n', 111, b"unable to read /nowhere: file does not exist"),
        ("the log", 'logtype = "qmail-multilog"\nlogstore = "/nowhere"\n', 111, b"unable to read /nowhere: file does not exist"),
    ],
)
def test_what_cannot_be_read_is_told(site: Site, why: str, conf: str, code: int, words: bytes) -> None:
    site.conf(conf)
    assert site.run() == Result(code, b"", b"isoqlog: fatal: %b\n" % words.replace(b"CONF", os.fsencode(site.folder / "conf"))), why
    assert not site.out.exists()


def test_no_settings(tmp_path: Path) -> None:
    result = call("isoqlog", [b"-f", b"/nowhere"], {})
    assert result == Result(111, b"", b"isoqlog: fatal: unable to read /nowhere: file does not exist\n")


def test_figures_that_are_damaged_are_not_overwritten(site: Site) -> None:
    site.run(lines=MATCHED)
    (site.out / "general/2026/11/20.csv").write_text("not mine\n")
    result = site.run(lines=MATCHED)
    place = os.fsencode(site.out)
    assert result == Result(111, b"", b"isoqlog: fatal: unable to write below %b: no figures of isoqlog\n" % place)
    assert site.read("general/2026/11/20.csv") == "not mine\n"


def test_a_place_that_is_none(site: Site) -> None:
    site.out.write_text("a file")
    assert site.run(lines=MATCHED).code == 111


def test_an_input_that_cannot_be_read(site: Site) -> None:
    result = call("isoqlog", [b"-f", os.fsencode(site.folder / "conf")], {}, stdin_fd=9999)
    assert result == Result(111, b"", b"isoqlog: fatal: unable to read input: file descriptor not open\n")


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [([b"-x"], b"isoqlog: illegal option -- x\n"), ([b"-f"], b"isoqlog: option requires an argument -- f\n"), ([b"file"], b"")],
)
def test_wrong_arguments(argv: list[bytes], complaint: bytes) -> None:
    assert call("isoqlog", argv, {}) == Result(100, b"", complaint + USAGE)


def test_days_that_both_know() -> None:
    old, new = {b"a": Count(2, 1, 5), b"b": Count(1)}, {b"a": Count(1), b"c": Count(0, 1)}
    assert isoqlog.merged(old, new, is_adding=True) == {b"a": Count(3, 1, 5), b"b": Count(1), b"c": Count(0, 1)}
    assert isoqlog.merged(old, new, is_adding=False) == old
    assert isoqlog.merged(new, old, is_adding=False) == old
