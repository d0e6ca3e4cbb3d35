"""What the crash tests measured: a file for each row, and the table of docs/reliability.md that is made of all of them.

results/NAME.json   NAME is the test's, with its parameters; written when the test ends, and again when one of its self-tests does
state               good | failed | skipped (its result says why; it does not replace what was measured before)
of                  which self-tests a row rests on: those with the same test id, and the same word here or none. Without one that was
                    caught in the same run a row does not count, and the table says so
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

from bench import measure

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "results"
PAGE = HERE.parent.parent / "docs" / "reliability.md"
BEGIN, END = "<!-- results: made by `make crash` -->", "<!-- end of results -->"
_PRODUCT = ("mta", "deploy", "webadmin", "appliance", "tests/crash/*.py", "tests/support")
_MINUTE_S = 60
HEAD = ("", "what was done", "what came of it", "caught on purpose in the same run", "took", "when, commit")


@dataclass(slots=True)
class SelfTest:
    """broken: what was broken on purpose. caught: how it was seen, "" when it was not."""

    test: str
    broken: str
    caught: str
    of: str = ""


@dataclass(slots=True)
class Row:
    """test: its id, "R3". what, result: for readers; counts: the same for programs."""

    test: str
    name: str
    what: str
    result: str
    counts: dict[str, int] = field(default_factory=dict)
    of: str = ""
    state: str = "good"
    seconds: float = 0.0
    self_tests: list[SelfTest] = field(default_factory=list)
    date: str = ""
    commit: str = ""
    machine: str = ""

    def cells(self) -> tuple[str, ...]:
        took = f"{self.seconds / _MINUTE_S:.1f} min" if self.seconds >= _MINUTE_S else f"{self.seconds:.0f} s"
        when = f"{self.date}, {self.commit}".removesuffix(", ")
        if self.state == "skipped":
            return self.test, self.what, f"not done: {self.result}", "", "", when
        result = self.result if self.state == "good" else f"**FAILED**: {self.result}"
        return self.test, self.what, result, self._caught(), took, when

    def _caught(self) -> str:
        """The same variant caught several times is named once."""
        how: dict[str, list[str]] = {}
        for one in self.self_tests:
            how.setdefault(one.broken, []).append(one.caught or "**NOT CAUGHT**")
        return "; ".join(f"{broken}: {', '.join(caught)}" for broken, caught in how.items()) or "**nothing: does not count**"


def rests_on(row: Row, one: SelfTest) -> bool:
    return row.test == one.test and one.of in ("", row.of)


# -- files -------------------------------------------------------------------------------------------------------------------------


def save(row: Row, folder: Path = FOLDER) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / f"{row.name}.json"
    if row.state == "skipped" and path.exists() and load(path).state != "skipped":
        return
    path.write_text(json.dumps(asdict(row), indent=1, ensure_ascii=False) + "\n")


def forget_failure(name: str, folder: Path = FOLDER) -> None:
    """A test that has no row unless it fails has passed."""
    path = folder / f"{name}.json"
    if path.exists() and load(path).state == "failed":
        path.unlink()


def load(path: Path) -> Row:
    data = json.loads(path.read_text())
    return Row(**{**data, "self_tests": [SelfTest(**one) for one in data["self_tests"]]})


def load_all(folder: Path = FOLDER) -> list[Row]:
    return ordered(load(path) for path in folder.glob("*.json"))


def ordered(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (int(re.sub(r"\D", "", row.test) or "0"), row.name))


def file_name(test: str) -> str:
    """Of what a test is called: "test_r3_full[ext4-apart]" -> "r3_full-ext4-apart"."""
    return re.sub(r"[^\w.-]+", "-", test.removeprefix("test_")).strip("-")


def test_id(test: str) -> str:
    """ "test_r3_full" -> "R3"; "" when it has none."""
    match = re.match(r"test_r(\d+)_", test)
    return f"R{match[1]}" if match else ""


def title(test: str) -> str:
    """ "test_r3_full_sixty_cuts[ext4]" -> "full sixty cuts [ext4]"."""
    return test.removeprefix("test_").partition("_")[2].replace("_", " ").replace("[", " [")


# -- where and when ----------------------------------------------------------------------------------------------------------------


@cache
def origin() -> Mapping[str, str]:
    """date, commit and machine of this run. A "+" behind the commit: something of the product was changed since."""
    commit = _git("rev-parse", "--short", "HEAD")
    changed = commit and _git("status", "--porcelain", "--", *_PRODUCT)
    machine = measure.machine().removesuffix(", ext4 on a loop device")
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "commit": commit + ("+" if changed else ""),
        "machine": machine or platform.node(),
    }


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], capture_output=True, text=True, cwd=HERE.parent.parent, check=False)
    return done.stdout.strip()


# -- the table ---------------------------------------------------------------------------------------------------------------------


def plain(rows: Iterable[Row]) -> list[str]:
    """For a terminal, a paragraph a row: the cells are too long for columns."""
    lines = []
    for row in ordered(rows):
        test, what, result, caught, took, when = (cell.replace("**", "") for cell in row.cells())
        lines += [f"{test:4}{what}", f"    {result}", *([f"    caught on purpose: {caught}; took {took}; {when}"] if took else [])]
    return lines


def tables(rows: Iterable[Row]) -> str:
    """Markdown, a table for each machine."""
    by_machine: dict[str, list[Row]] = {}
    for row in ordered(rows):
        by_machine.setdefault(row.machine, []).append(row)
    return "".join(f"On {machine}:\n\n{_table(some)}\n\n" for machine, some in by_machine.items())


def _table(rows: list[Row]) -> str:
    lines = [HEAD, ("---",) * len(HEAD), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|").replace("\n", " ") for cell in cells) + " |" for cells in lines)


def page(text: str, rows: Iterable[Row]) -> str:
    """docs/reliability.md with the table in its place."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables(rows)}{END}{after}"


def write() -> None:
    PAGE.write_text(page(PAGE.read_text(), load_all()))
