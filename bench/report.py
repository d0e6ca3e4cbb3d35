"""results/*.json -> the tables in docs/performance.md, between its two marks."""

from __future__ import annotations

import json
from pathlib import Path

from bench import goals
from bench.measure import RESULTS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- results: made by `make bench` -->", "<!-- end of results -->"

EXPLAINED = (
    "The last column is our figure divided by the peer's, or by the limit. Peers ran in turn with ours, in the same run and on the same\n"
    "file system; when and where, the tables below say."
)


def table(data: dict[str, object]) -> str:
    rows = [f"### {data['question']}", "", "| | measured | median | min - max | runs |", "|---|---|---|---|---|"]
    for s in data["series"]:  # type: ignore[attr-defined]
        rows.append(f"| {s['who']} | {s['what']} | {s['median']:.1f} {s['unit']} | {s['min']:.1f} - {s['max']:.1f} | {len(s['runs'])} |")
    rows += ["", f"{data['notes']} {data['date']}, commit {data['commit']}, {data['machine']}.", ""]
    return "\n".join(rows)


def write() -> None:
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    tables = [table(json.loads(path.read_text())) for path in sorted(RESULTS.glob("*.json"))]
    begin = f"{BEGIN}\n\n## Goals, and what was reached\n\n{goals.table()}\n{EXPLAINED}\n\n## All figures\n\n"
    PAGE.write_text(begin.join((before, "\n".join(tables))) + f"\n{END}{after}")
