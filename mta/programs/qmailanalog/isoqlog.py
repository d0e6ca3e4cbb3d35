"""isoqlog: pages on who sends and receives how much mail, by day, month and year.

Usage    isoqlog [-a] [-f CONF]; CONF is /usr/local/etc/isoqlog.conf unless another is named
         -a what is read is new, and added to what is known; without it a day is replaced by what is read of it, if that is more
Reads    CONF (formats/isoqlog_conf); logtype matchup: fd 0, lines of matchup's; logtype qmail-multilog: the directory logstore, all of it;
         domainsfile; TZ
Writes   below outputdir: index.html, general/ and DOMAIN/ with pages for years, months and days (formats/isoqlog_pages), the figures beside
         them (formats/isoqlog_figures)
Exits    0; 100 usage, or CONF cannot be understood; 111 files. Each page and each file of figures is then the old one or the new one.
Limits   a row for each address and day that is read is held in memory. Two at a time wait for each other.
Runs as  whoever may read the log and write the pages
Source   isoqlog
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from mta.decisions import isoqlog
from mta.decisions.matchup import Matchup
from mta.formats import isoqlog_conf, isoqlog_figures, isoqlog_pages, mess822_when
from mta.formats.analog_line import Line
from mta.formats.isoqlog_conf import Conf
from mta.formats.isoqlog_figures import Numbered, Rows, total
from mta.formats.sgetopt import BadOption, Options
from mta.unix import analog_input, atomic, cdbfile, clock, multilog_reader, say
from mta.unix.fds import Fds

NAME = b"isoqlog"
CONF = b"/usr/local/etc/isoqlog.conf"
_USAGE = b"isoqlog [ -a ] [ -f conf ]"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    is_adding, path = False, CONF
    options = Options(argv, "af:")
    try:
        for letter, value in options:
            if letter == b"a":
                is_adding = True
            else:
                path = value
    except BadOption as error:
        fds.say(b"isoqlog: %b\n" % error.text)
        return say.usage(fds, NAME, _USAGE)
    if options.operands:
        return say.usage(fds, NAME, _USAGE)
    return _run(path, fds, is_adding=is_adding)


def _run(path: bytes, fds: Fds, *, is_adding: bool) -> int:
    step = b"read " + path
    try:
        conf = isoqlog_conf.read(_file(path))
        step = b"read " + conf.domainsfile
        domains = isoqlog_conf.domains(_file(conf.domainsfile)) if conf.domainsfile else []
        step = b"read " + (conf.logstore if conf.logtype == isoqlog_conf.MULTILOG else b"input")
        tally = isoqlog.Tally(domains, time.localtime)
        for line in _lines(conf, fds):
            tally.feed(Line(line))
        step = b"write below " + conf.outputdir
        os.makedirs(conf.outputdir, exist_ok=True)
        with cdbfile.one_compiler(conf.outputdir):
            _Pages(conf, is_adding=is_adding).write(tally)
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to " + step, error)
    except ValueError as error:
        say.fatal(fds, NAME, b"unable to %b: %b" % (step, str(error).encode("ascii", "replace")))
        return 100 if step.endswith(path) else 111
    return 0


def _file(path: bytes) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _lines(conf: Conf, fds: Fds) -> Iterator[bytes]:
    """Of matchup's. Raises OSError."""
    if conf.logtype == isoqlog_conf.MATCHUP:
        yield from analog_input.lines(fds[0])
        return
    matchup = Matchup()
    for piece in multilog_reader.pieces(conf.logstore, multilog_reader.Position()):
        for line in piece.data.splitlines(keepends=True):
            yield matchup.feed(line)


class _Pages:
    def __init__(self, conf: Conf, *, is_adding: bool) -> None:
        self._conf = conf
        self._is_adding = is_adding
        self._created = mess822_when.local(clock.now_s(), time.localtime)
        self._lengths = (conf.maxsender, conf.maxreceiver, conf.maxbyte, conf.maxtotal)

    def write(self, tally: isoqlog.Tally) -> None:
        """Days first, then what is made of them. Raises OSError, ValueError."""
        for page, found in tally.days.items():
            for date, rows in found.items():
                self._day(page, date, rows)
            for year, month in sorted({date[:2] for date in found}):
                self._month(page, year, month)
            for year in sorted({date[0] for date in found}):
                self._year(page, year)
            self._page(b"%b/index.html" % page, isoqlog_pages.years(page, self._all(b"%b/AllYears" % page), self._created))
        self._page(b"index.html", isoqlog_pages.index(list(tally.days), self._conf.hostname, self._created))

    def _day(self, page: bytes, date: isoqlog.Day, rows: Rows) -> None:
        """The day, and its line in its month."""
        year, month, number = date
        folder = b"%b/%04d/%02d" % (page, year, month)
        known = isoqlog_figures.read_day(self._read(b"%b/%02d.csv" % (folder, number)))
        rows = isoqlog.merged(known, rows, is_adding=self._is_adding)
        self._page(b"%b/%02d.csv" % (folder, number), isoqlog_figures.write_day(rows))
        self._page(b"%b/%02d.html" % (folder, number), isoqlog_pages.day(page, date, rows, self._lengths, self._created))
        self._note(folder + b"/AllDays", number, rows)

    def _month(self, page: bytes, year: int, month: int) -> None:
        folder = b"%b/%04d/%02d" % (page, year, month)
        figures = self._all(folder + b"/AllDays")
        self._page(folder + b"/index.html", isoqlog_pages.days(page, year, month, figures, self._created))
        self._note(b"%b/%04d/AllMonths" % (page, year), month, figures)

    def _year(self, page: bytes, year: int) -> None:
        figures = self._all(b"%b/%04d/AllMonths" % (page, year))
        self._page(b"%b/%04d/index.html" % (page, year), isoqlog_pages.months(page, year, figures, self._created))
        self._note(b"%b/AllYears" % page, year, figures)

    def _note(self, path: bytes, number: int, figures: Rows | Numbered) -> None:
        self._page(path, isoqlog_figures.write_all({**self._all(path), number: total(figures)}))

    def _all(self, path: bytes) -> Numbered:
        return isoqlog_figures.read_all(self._read(path))

    def _read(self, path: bytes) -> bytes:
        return atomic.read(self._conf.outputdir + b"/" + path) or b""

    def _page(self, path: bytes, data: bytes) -> None:
        whole = self._conf.outputdir + b"/" + path
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        atomic.replace(whole, data)
