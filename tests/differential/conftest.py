"""How many inputs each original was given, said at the end of `make differential`; and one line more of each run of these tests alone."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.support import original

_TOTAL: Counter[str] = Counter()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):  # of xdist: to the process that speaks to people
        session.config.workeroutput["tried"] = dict(original.TRIED)
    else:
        _TOTAL.update(original.TRIED)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    _TOTAL.update(getattr(node, "workeroutput", {}).get("tried", {}))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if original.IS_FULL and _TOTAL:
        terminalreporter.write_line(f"{_TOTAL.total()} inputs were given to ours and to the originals:")
        for name, count in sorted(_TOTAL.items()):
            terminalreporter.write_line(f"  {count:7} {name}")
