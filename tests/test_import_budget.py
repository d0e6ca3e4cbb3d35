"""Programs that others start for each message start fast: no heavy module, and few at all.

Beside the start of a bare interpreter, re costs more than half of it again, dataclasses twice as much, a small module of ours a fiftieth.
BUDGET modules beyond the bare interpreter therefore keep a program below two bare starts; the largest, qmail-qmtpd, has 41.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mta import board
from tests.conftest import ROOT

BUDGET = 42
HEAVY = frozenset(("asyncio", "collections", "ctypes", "dataclasses", "enum", "inspect", "re", "signal", "socket", "subprocess", "typing"))
_LIST = "print(' '.join(sorted(sys.modules)))"


def modules(program: str | None) -> frozenset[str]:
    """Those loaded when the program's main is about to be called; None: by a bare interpreter."""
    load = "" if program is None else f"sys.path.insert(0, {str(ROOT)!r}); from mta import runner; runner.load({program!r}); "
    command = [os.path.realpath(sys.executable), "-I", "-S", "-c", f"import sys; {load}{_LIST}"]
    return frozenset(subprocess.run(command, capture_output=True, check=True, text=True).stdout.split())


def has_room(program: str) -> bool:
    path = ROOT / board.module(program).replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").exists()


@pytest.mark.parametrize("program", sorted(board.THIN))
def test_it_imports_next_to_nothing(program: str) -> None:
    if not has_room(program):
        pytest.skip(f"{program} has no room yet")
    loaded = modules(program)
    assert sorted(HEAVY & loaded) == []
    own = sorted(loaded - modules(None))
    assert len(own) <= BUDGET, own


def test_a_heavy_program_would_be_noticed() -> None:
    assert HEAVY & modules("qmail-showctl")
