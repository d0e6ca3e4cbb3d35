"""All recorded vectors together: how many of each program's ours answer as the original did. What differs has a reason in docs/quirks.md,
and docs/testing.md has the count.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.oracle.recorded import Vector, snapshot, vectors

SHARE = 0.98  # of all vectors, at least

# program and name -> a word of its line in docs/quirks.md, section "Recorded vectors that differ"
DIFFERENT = {
    ("multilog", "size"): "1024",
    ("qmail-remote", "ehlo-multiline"): "SIZE",
    ("qmail-smtpd", "bare-lf-command"): "451",
    ("qmail-smtpd", "nul-addr"): "NUL",
    ("tai64nlocal", "@4000000037c219bf2ef02e9 z UTC"): "crashed",
}
VECTORS = list(vectors())
PROGRAMS = sorted({vector.program for vector in VECTORS})


def of(program: str) -> list[Vector]:
    return [vector for vector in VECTORS if vector.program == program]


def test_nothing_recorded_is_left_out() -> None:
    assert snapshot() is not None and len(VECTORS) == 316


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_answers_as_the_original_did(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    different = set()
    for number, vector in enumerate(of(program)):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.chdir(folder)
        ours, recorded = vector.compare(folder)
        if ours != recorded:
            different.add(vector.name)
            if (program, vector.name) not in DIFFERENT:
                assert ours == recorded, vector.name
    assert different == {name for who, name in DIFFERENT if who == program}, "what is listed as different is so"


def test_at_least_98_of_100_are_equal(capsys: pytest.CaptureFixture[str]) -> None:
    """Those that are not are the ones of DIFFERENT: the test above sees to it."""
    share = 1 - len(DIFFERENT) / len(VECTORS)
    with capsys.disabled():
        print(f" {len(VECTORS) - len(DIFFERENT)} of {len(VECTORS)} recorded vectors equal, {share:.1%}", end=" ")
    assert share >= SHARE


def test_each_that_differs_has_its_reason() -> None:
    section = (ROOT / "docs/quirks.md").read_text().partition("## Recorded vectors that differ\n")[2].partition("\n## ")[0]
    lines = re.split(r"\n(?=- )", section)
    for (program, name), word in DIFFERENT.items():
        assert any(program in line and name.removesuffix(" UTC") in line and word in line for line in lines), (program, name)


def test_the_count_stands_in_the_docs() -> None:
    text = (ROOT / "docs/testing.md").read_text()
    for program in PROGRAMS:
        equal = len(of(program)) - sum(who == program for who, _ in DIFFERENT)
        assert f"| {program} | {len(of(program))} | {equal} |" in text, program
