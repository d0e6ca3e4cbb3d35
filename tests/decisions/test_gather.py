"""How long messages wait for company: never without reason, never longer than a barrier takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.decisions.gather import PATIENCE_S, Gather


def after(*batches: tuple[int, float]) -> Gather:
    gather = Gather()
    for count, barrier_s in batches:
        gather.ended(count, barrier_s)
    return gather


@pytest.mark.parametrize(
    ("why", "before", "count", "since_s", "waits"),
    [
        ("the first of all", [], 1, 0.0, False),
        ("alone after others that came alone", [(1, 0.004)] * 9, 1, 0.0, False),
        ("alone where twenty came together", [(20, 0.004)] * 9, 1, 0.0, True),
        ("as many as came together", [(20, 0.004)] * 9, 20, 0.0, False),
        ("more than came together", [(20, 0.004)] * 9, 33, 0.0, False),
        ("it has waited as long as a barrier takes", [(20, 0.004)] * 90, 19, 0.0041, False),
        ("a slow disk", [(20, 3.0)] * 9, 19, PATIENCE_S, False),
        ("twenty came together long ago", [(20, 0.004), *[(1, 0.004)] * 20], 1, 0.0, False),
    ],
)
def test_it_waits_only_for_company_to_be_expected(
    why: str, before: list[tuple[int, float]], count: int, since_s: float, waits: bool
) -> None:
    assert bool(after(*before).wait_s(count, since_s)) == waits, why


@given(st.lists(st.tuples(st.integers(1, 256), st.floats(0, 60)), max_size=20), st.integers(1, 256), st.floats(0, 1))
def test_nobody_waits_longer_than_the_patience(before: list[tuple[int, float]], count: int, since_s: float) -> None:
    wait_s = after(*before).wait_s(count, since_s)
    assert 0 <= wait_s <= max(0.0, PATIENCE_S - since_s)
