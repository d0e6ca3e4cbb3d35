"""The table of goals says what the results say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import goals
from bench.goals import Goal


def result(**medians: float) -> dict[str, object]:
    """{name of a contestant: its figure}"""
    return {"series": [{"who": who, "what": "x", "unit": "ms", "median": median} for who, median in medians.items()]}


MORE = Goal("a", "f", ("Tawny", "x"), ("Postfix", "x"), factor=2)
LESS = Goal("a", "f", ("Tawny", "x"), ("Postfix", "x"), factor=3, is_less=True)
WITHIN = Goal("a", "f", ("Tawny", "x"), limit=50, is_less=True)


@pytest.mark.parametrize(
    ("why", "goal", "figures", "verdict"),
    [
        ("twice as much", MORE, {"Tawny": 200.0, "Postfix": 100.0}, "2.00: reached"),
        ("nearly twice as much", MORE, {"Tawny": 198.0, "Postfix": 100.0}, "1.98: missed"),
        ("a third", LESS, {"Tawny": 1.0, "Postfix": 3.0}, "0.33: reached"),
        ("more than a third", LESS, {"Tawny": 2.0, "Postfix": 3.0}, "0.67: missed"),
        ("within", WITHIN, {"Tawny": 49.0}, "0.98: reached"),
        ("beyond", WITHIN, {"Tawny": 51.0}, "1.02: missed"),
    ],
)
def test_a_goal_is_reached_or_not(
    why: str, goal: Goal, figures: dict[str, float], verdict: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(goals, "RESULTS", tmp_path)
    monkeypatch.setattr(goals, "GOALS", (goal,))
    (tmp_path / "f.json").write_text(json.dumps(result(**figures)))
    assert goals.table().splitlines()[-1].endswith(f"| {verdict} |"), why


def test_what_was_not_measured_is_not_said_to_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(goals, "RESULTS", tmp_path)
    monkeypatch.setattr(goals, "GOALS", (MORE,))
    assert "not measured" in goals.table()
    (tmp_path / "f.json").write_text(json.dumps(result(Tawny=1.0)))
    assert "was not there" in goals.table()
    assert "reached" not in goals.table()
