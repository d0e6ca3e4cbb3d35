"""The pressure tests' full forms run under `make pressure` alone. What they measured goes to results/ and from there into docs/pressure.md.

@pytest.mark.pressure                  a full form: left out unless -m names it
results.row("crowd", "plain", ...)     a line of the table of that name (tests/pressure/results)
"""

from __future__ import annotations

import os

import pytest

from tests.pressure.results import Results

_RESULTS = pytest.StashKey[Results]()


def pytest_configure(config: pytest.Config) -> None:
    if "pressure" in config.option.markexpr:
        os.environ["PRESSURE"] = "full"
    config.stash[_RESULTS] = Results()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "pressure" in config.option.markexpr:
        return
    full = [item for item in items if item.get_closest_marker("pressure")]
    if full:
        config.hook.pytest_deselected(items=full)
        items[:] = [item for item in items if item not in full]


@pytest.fixture(scope="session")
def results(request: pytest.FixtureRequest) -> Results:
    return request.config.stash[_RESULTS]


def pytest_sessionfinish(session: pytest.Session) -> None:
    session.config.stash[_RESULTS].save()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    found = config.stash[_RESULTS].lines()
    if found:
        terminalreporter.section("pressure")
        for line in found:
            terminalreporter.write_line(line)
