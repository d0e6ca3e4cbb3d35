"""Rows of results: kept as JSON beside the tests, and written as tables into docs/pressure.md, between its two marks.

    results.row("crowd", {"who": "smtpd", "banner p50 ms": 0.4})

A table is replaced by a run that measured it; the others stay as they are. Every table tells date, commit and machine, and
how much else that had to do.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.measure import machine

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "results"
PAGE = HERE.parent.parent / "docs/pressure.md"
BEGIN, END = "<!-- results: made by `make pressure` -->", "<!-- end of results -->"
TITLES = {
    "crowd": "Many connections that do nothing, or nearly nothing",
    "limits": "Limits, and what lies beyond them",
    "hostile": "Hostile clients",
    "corpora": "The recorded hostile inputs",
    "probes": "A client that asks once a second while all of it goes on",
    "soak": "Half an hour of work: its first third against its last",
}

Row = dict[str, Any]


@dataclass
class Results:
    tables: dict[str, list[Row]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def row(self, table: str, row: Row) -> None:
        assert table in TITLES
        self.tables.setdefault(table, []).append(row)

    def note(self, table: str, text: str) -> None:
        """A sentence that belongs below the table."""
        self.notes[table] = text

    def lines(self) -> list[str]:
        return [
            f"{table}: {', '.join(f'{name} {value}' for name, value in row.items())}" for table, rows in self.tables.items() for row in rows
        ]

    def save(self) -> None:
        """results/TABLE.json for what was measured, and the page. PRESSURE_RECORD=1, as make pressure has it; else none of it is kept."""
        if not self.tables or os.environ.get("PRESSURE_RECORD") != "1":
            return
        FOLDER.mkdir(exist_ok=True)
        for table, rows in self.tables.items():
            data = {"title": TITLES[table], "notes": self.notes.get(table, ""), "where": where(), "rows": rows}
            (FOLDER / f"{table}.json").write_text(json.dumps(data, indent=1) + "\n")
        write_page()


def where() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=HERE, check=False)
    date, what = time.strftime("%Y-%m-%d", time.gmtime()), machine().removesuffix(", ext4 on a loop device")
    return f"{date}, commit {done.stdout.strip()}, {what}, load average {os.getloadavg()[1]:.0f} at its end"


def write_page() -> None:
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    paths = [FOLDER / f"{table}.json" for table in TITLES if (FOLDER / f"{table}.json").exists()]
    tables = [markdown(json.loads(path.read_text())) for path in paths]
    PAGE.write_text(f"{before}{BEGIN}\n\n" + "\n".join(tables) + f"\n{END}{after}")


def markdown(data: dict[str, Any]) -> str:
    columns = list(dict.fromkeys(name for row in data["rows"] for name in row))
    lines = [f"### {data['title']}", "", f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    lines += [f"| {' | '.join(str(row.get(name, '')) for name in columns)} |" for row in data["rows"]]
    return "\n".join([*lines, "", " ".join(filter(None, [data["notes"], data["where"] + "."])), ""])
