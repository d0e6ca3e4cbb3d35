"""The table of what the crash tests measured: it says what does not count, and stands in docs/reliability.md as the files have it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.crash import results
from tests.crash.conftest import Book, Table
from tests.crash.results import BEGIN, END, FOLDER, HERE, PAGE, Row, SelfTest


def row(**given: object) -> Row:
    values = {"test": "R3", "name": "r3_full", "what": "60 cuts", "result": "9 acknowledged: 0 lost", "seconds": 90.0, "machine": "m"}
    return Row(**{**values, **given})  # type: ignore[arg-type]


CAUGHT = SelfTest("R3", "no fsync", "at cut 1")


@pytest.mark.parametrize(
    ("why", "one", "result", "caught"),
    [
        ("good, and worth something", row(self_tests=[CAUGHT]), "9 acknowledged: 0 lost", "no fsync: at cut 1"),
        ("nothing was broken", row(), "9 acknowledged: 0 lost", "**nothing: does not count**"),
        (
            "what was broken was missed",
            row(self_tests=[SelfTest("R3", "no fsync", "")]),
            "9 acknowledged: 0 lost",
            "no fsync: **NOT CAUGHT**",
        ),
        ("caught twice", row(self_tests=[CAUGHT, CAUGHT]), "9 acknowledged: 0 lost", "no fsync: at cut 1, at cut 1"),
        ("failed", row(state="failed", result="2 lost", self_tests=[CAUGHT]), "**FAILED**: 2 lost", "no fsync: at cut 1"),
        ("skipped", row(state="skipped", result="needs root"), "not done: needs root", ""),
    ],
)
def test_a_row_says(why: str, one: Row, result: str, caught: str) -> None:
    assert one.cells()[2:4] == (result, caught), why


def test_the_table_goes_between_its_marks() -> None:
    rows = [row(test="R10", name="b", self_tests=[CAUGHT]), row(what="a | b", self_tests=[CAUGHT])]
    found = results.page(f"before\n{BEGIN}\nold\n{END}\nafter\n", rows)
    assert found.startswith(f"before\n{BEGIN}\n\nOn m:\n\n|  |") and found.endswith(f"\n{END}\nafter\n") and "old" not in found
    assert found.index("a \\| b") < found.index("| R10 |"), "in the order of their numbers"
    assert results.page(found, rows) == found


def test_a_row_comes_back_from_its_file(tmp_path: Path) -> None:
    results.save(row(self_tests=[CAUGHT], counts={"lost": 0}), tmp_path)
    assert results.load_all(tmp_path) == [row(self_tests=[CAUGHT], counts={"lost": 0})]


def test_a_skip_does_not_replace_what_was_measured(tmp_path: Path) -> None:
    results.save(row(state="skipped", result="needs root"), tmp_path)
    results.save(row(), tmp_path)
    results.save(row(state="skipped", result="needs root"), tmp_path)
    assert results.load_all(tmp_path) == [row()]


def test_a_book_is_kept() -> None:
    """Rows rest on the self-tests of their id, before or after them; who fails or is skipped has a row by itself."""
    book = Book(does_record=False)
    Table(book, "test_r3_full[ext4]").row("R3", "cuts", "0 lost", of="ext4")
    book.end("test_r3_full[ext4]", True, 2.0, "", "")
    Table(book, "test_r3_catches[ext4]").self_test("R3", "no fsync", "at cut 1", of="ext4")
    Table(book, "test_r3_catches[xfs]").self_test("R3", "no fsync", "at cut 2", of="xfs")
    book.end("test_r3_catches[xfs]", True, 1.0, "", "")
    for name in ("a", "b"):
        Table(book, f"test_r2_{name}").count("R2", 10, "kills", "0 bad")
        book.end(f"test_r2_{name}", False, 1.5, "", "")
    Table(book, "test_r4_full").row("R4", "snapshots", "3 lost")
    book.end("test_r4_full", True, 1.0, "AssertionError: lost", "")
    book.end("test_r4_full", True, 0.5, "OSError: busy", "")
    book.end("test_r5_full", True, 0.0, "", "mount: /tmp/tmp_e/mounted: no strace")
    book.end("test_r5_short", False, 0.0, "", "no strace")
    found = [
        (r.test, r.what, r.result, r.state, r.seconds, [one.caught for one in r.self_tests]) for r in results.ordered(book.rows.values())
    ]
    assert found == [
        ("R2", "20 kills", "0 bad", "good", 3.0, []),
        ("R3", "cuts", "0 lost", "good", 2.0, ["at cut 1"]),
        ("R4", "snapshots", "3 lost; AssertionError: lost; OSError: busy", "failed", 1.5, []),
        ("R5", "full", "mount: somewhere: no strace", "skipped", 0.0, []),
    ]


def test_the_page_has_what_the_files_have() -> None:
    assert PAGE.read_text() == results.page(PAGE.read_text(), results.load_all()), "write it anew: CRASH_RECORD=1, or results.write()"


def test_every_row_belongs_to_a_test_that_there_is() -> None:
    tests = {name for path in HERE.glob("test_*.py") for name in re.findall(r"^def test_(\w+)", path.read_text(), re.MULTILINE)}
    stale = [
        path.name for path in FOLDER.glob("*.json") if not re.match(r"r\d+-", path.name) and re.split(r"[-+.]", path.stem)[0] not in tests
    ]
    assert not stale
