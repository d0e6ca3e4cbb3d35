"""A small drawing of the last hour: a bar for every five minutes, its parts one above the other. Pure.

Widths and heights are attributes of the drawing, for the policy of the pages allows no styles in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from webadmin.logs.queries import Counts

HEIGHT = 60
_STEP, _WIDTH = 25, 19


@dataclass(frozen=True, slots=True)
class Part:
    kind: str  # the name of the count, and the class of its colour
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    x: int
    title: str
    parts: list[Part]


@dataclass(frozen=True, slots=True)
class Chart:
    label: str  # what it says, in words
    bars: list[Bar]
    most: int  # of one bar
    width: int


def chart(label: str, slots: Sequence[tuple[datetime, Counts]], kinds: Sequence[str]) -> Chart:
    """kinds: the counts that are drawn, from the ground up."""
    values = [(at, [getattr(counts, kind) for kind in kinds]) for at, counts in slots]
    most = max((sum(row) for _, row in values), default=0)
    bars = [Bar(i * _STEP, _title(at, kinds, row), _parts(kinds, row, most)) for i, (at, row) in enumerate(values)]
    said = ", ".join(f"{sum(row[i] for _, row in values)} {kind}" for i, kind in enumerate(kinds))
    return Chart(f"{label}: {said}", bars, most, len(values) * _STEP)


def _title(at: datetime, kinds: Sequence[str], row: Sequence[int]) -> str:
    return f"{at:%H:%M}: " + ", ".join(f"{number} {kind}" for kind, number in zip(kinds, row, strict=True))


def _parts(kinds: Sequence[str], row: Sequence[int], most: int) -> list[Part]:
    found, top = [], float(HEIGHT)
    for kind, number in zip(kinds, row, strict=True):
        if number:
            height = max(1.5, HEIGHT * number / most)
            top -= height
            found.append(Part(kind, round(max(0.0, top), 1), round(height, 1)))
    return found
