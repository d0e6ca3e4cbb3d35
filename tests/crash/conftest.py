"""The crash tests' full forms run under `make crash` alone; what they measured is printed as one table at the end.

@pytest.mark.crash     a full form: left out unless -m names it
table.row("R3", "60 power cuts, ext4", "0 of 18 211 lost")
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

_ROWS = pytest.StashKey[list[tuple[str, str, str]]]()
_COUNTS = pytest.StashKey[Counter[tuple[str, str, str]]]()


class Table:
    def __init__(self, rows: list[tuple[str, str, str]], counts: Counter[tuple[str, str, str]]) -> None:
        self._rows = rows
        self._counts = counts

    def row(self, test: str, what: str, result: str) -> None:
        """test: its id in docs/reliability.md; what: was done; result: came of it."""
        self._rows.append((test, what, result))

    def count(self, test: str, number: int, what: str, result: str) -> None:
        """A row for many tests together; their numbers are added up."""
        self._counts[test, what, result] += number


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_ROWS] = []
    config.stash[_COUNTS] = Counter()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "crash" in config.option.markexpr:
        return
    full = [item for item in items if item.get_closest_marker("crash")]
    if full:
        config.hook.pytest_deselected(items=full)
        items[:] = [item for item in items if item not in full]


@pytest.fixture
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    yield Table(request.config.stash[_ROWS], request.config.stash[_COUNTS])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    rows = [*config.stash[_ROWS], *((test, f"{number} {what}", result) for (test, what, result), number in config.stash[_COUNTS].items())]
    if not rows:
        return
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    terminalreporter.section("reliability")
    for row in sorted(rows):
        terminalreporter.write_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
