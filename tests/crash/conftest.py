"""The crash tests' full forms run under `make crash` alone; what they measured is printed as one table at the end.

@pytest.mark.crash                      a full form: left out unless -m names it. One that fails or is skipped has a row by itself
table.row("R3", "60 power cuts, ext4", "18 211 acknowledged: 0 lost", counts={"cuts": 60}, of="ext4")
table.self_test("R3", "no fsync", "at cut 2", of="ext4")       "" instead of how: it was not caught
CRASH_RECORD=1                          rows are written to results/, and docs/reliability.md is made anew (`make crash` sets it)
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace

import pytest

from tests.crash import results
from tests.crash.results import Row, SelfTest

REASON_MAX = 300
_TEMPORARY = re.compile(r"/(?:var/)?tmp/[^\s:'\"]+")


class Book:
    """What a run has measured so far."""

    def __init__(self, does_record: bool) -> None:
        self.rows: dict[str, Row] = {}
        self.self_tests: list[SelfTest] = []
        self._does_record = does_record
        self._fresh: set[str] = set()  # rows of the test that is running

    def enter(self, row: Row) -> None:
        self.rows[row.name] = row
        self._fresh.add(row.name)

    def end(self, test: str, is_full: bool, seconds: float, failed: str, skipped: str) -> None:
        """A test is over. failed, skipped: why, or ""."""
        name, id_ = results.file_name(test), results.test_id(test)
        failed, skipped = (_TEMPORARY.sub("somewhere", why) for why in (failed, skipped))
        if failed and name in self.rows:  # its clearing up
            self._fresh.add(name)
        if not self._fresh and id_ and (failed or (skipped and is_full)):
            self.enter(Row(id_, name, results.title(test), ""))
        if not self._fresh and self._does_record and not skipped:
            results.forget_failure(name)
        for row in (self.rows[fresh] for fresh in self._fresh):
            row.seconds += seconds
            if failed or skipped:
                row.state, row.result = ("failed" if failed else "skipped"), "; ".join(filter(None, (row.result, failed or skipped)))
            for key, value in results.origin().items():
                setattr(row, key, value)
        self._fresh = set()
        self._connect()

    def _connect(self) -> None:
        for row in self.rows.values():
            row.self_tests = [one for one in self.self_tests if results.rests_on(row, one)]
            if self._does_record:
                results.save(row)
        if self._does_record:
            results.write()


class Table:
    def __init__(self, book: Book, test: str) -> None:
        self._book = book
        self._name = results.file_name(test)

    def row(self, test: str, what: str, result: str, *, counts: Mapping[str, int] | None = None, of: str = "") -> None:
        """test: its id in docs/reliability.md; what was done, and what came of it, with their numbers; counts: the same for programs;
        of: which self-tests it rests on, when not all of the id."""
        entered = sum(1 for name in self._book.rows if name.split("+")[0] == self._name)
        name = f"{self._name}+{entered + 1}" if entered else self._name
        self._book.enter(Row(test, name, what, result, dict(counts or {}), of))

    def count(self, test: str, number: int, what: str, result: str, *, of: str = "") -> None:
        """A row for many tests together; their numbers are added up."""
        self.add(test, what, {"number": number}, lambda _: result, of=of)

    def add(self, test: str, what: str, counts: Mapping[str, int], tell: Callable[[Mapping[str, int]], str], *, of: str = "") -> None:
        """The same with more counts, of which tell() makes the result; the one called "number" stands before what was done."""
        name = results.file_name(f"{test.lower()} {what}")
        before = self._book.rows.get(name) or Row(test, name, "", "", of=of)
        total = Counter(before.counts)
        total.update(counts)
        self._book.enter(replace(before, what=f"{total['number']} {what}", result=tell(total), counts=dict(total)))

    def self_test(self, test: str, broken: str, caught: str, *, of: str = "") -> None:
        """broken: what was, on purpose; caught: how it was seen, "" when it was not."""
        self._book.self_tests.append(SelfTest(test, broken, caught, of))


_BOOK = pytest.StashKey[Book]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_BOOK] = Book(_does_record())
    if _does_record():
        results.origin()  # as it is now


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "crash" in config.option.markexpr:
        return
    full = [item for item in items if item.get_closest_marker("crash")]
    if full:
        config.hook.pytest_deselected(items=full)
        items[:] = [item for item in items if item not in full]


@pytest.fixture
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    yield Table(request.config.stash[_BOOK], request.node.name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" or report.outcome != "passed":
        failed = _last_line(report) if report.failed else ""
        skipped = str(report.longrepr[2]).removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else ""
        item.config.stash[_BOOK].end(item.name, item.get_closest_marker("crash") is not None, report.duration, failed, skipped)
    return report


def _last_line(report: pytest.TestReport) -> str:
    """What a test failed with, without what led to it."""
    crash = getattr(report.longrepr, "reprcrash", None)
    lines = str(crash.message if crash is not None else report.longrepr).strip().splitlines()
    return lines[0][:REASON_MAX] if lines else "no reason given"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    book = config.stash[_BOOK]
    if not book.rows or "crash" not in config.option.markexpr:
        return
    terminalreporter.section("reliability")
    for line in results.plain(book.rows.values()):
        terminalreporter.write_line(line)


def _does_record() -> bool:
    return bool(os.environ.get("CRASH_RECORD"))
