"""The seeds of each fuzz target, and a few hundred inputs made of them, always the same: `make fuzz` goes on from here."""

from __future__ import annotations

import random

import pytest

from tests.fuzz import engine, seeds
from tests.fuzz.targets import TARGETS

INPUTS = 300
ROWS = [(name, why, data) for name, rows in seeds.SEEDS.items() for why, data in rows]


def test_each_target_has_seeds() -> None:
    assert list(seeds.SEEDS) and set(seeds.SEEDS) == set(TARGETS) and all(seeds.SEEDS.values())


@pytest.mark.parametrize(("name", "why", "data"), ROWS, ids=[f"{name}-{why[:40]}" for name, why, _ in ROWS])
def test_a_seed_does_no_harm(name: str, why: str, data: bytes) -> None:
    assert engine.attempt(TARGETS[name], data) is None, why


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_made_of_them_does_none(name: str) -> None:
    run = engine.Run(TARGETS[name], seeds.of(name), random.Random(1), is_traced=False, patience_s=0)
    for _ in range(INPUTS):
        run.step()
    assert {finding.data: finding.trace for finding in run.findings.values()} == {}


def test_a_fault_is_found_and_made_small() -> None:
    """A parser that forgets one case, which only its coverage leads to."""

    def forgets(data: bytes) -> None:
        if data[:1] == b"q" and data[1:2] == b"m" and b"!" in data:
            raise IndexError

    target = engine.Target("forgets", forgets, (ValueError,), (b"q", b"m", b"!"))
    run = engine.Run(target, [b""], random.Random(1), is_traced=False)
    while not run.findings:
        run.step()
    (finding,) = run.findings.values()
    assert engine.smaller(target, finding.data) == b"qm!"
