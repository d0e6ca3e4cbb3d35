"""What is made from the code agrees with the code, and what the docs name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploy import docs
from mta import board
from tests.conftest import ROOT


@pytest.mark.parametrize("path", sorted(docs.pages()), ids=lambda p: p.name)
def test_program_pages_are_up_to_date(path: Path) -> None:
    assert path.exists() and path.read_text() == docs.pages()[path], "run `make docs`"


@pytest.mark.parametrize("name", sorted(board.PROGRAMS))
def test_a_head_is_a_man_page_in_small(name: str) -> None:
    head = docs.head(name)
    assert head.startswith((f"{name}: ", f"{name} "))
    words = ["Exits", "Runs as"] if board.PROGRAMS[name][0] == "servers" else ["Exits", "Source"]
    for word in words:
        assert re.search(rf"^{word}\b", head, re.MULTILINE), f"the head of {name} does not say {word}"


def test_every_program_has_a_test() -> None:
    names = {p.stem for p in (ROOT / "tests").rglob("test_*.py")}
    text = "\n".join(p.read_text() for p in (ROOT / "tests/programs").rglob("test_*.py"))
    missing = [
        name
        for name in board.PROGRAMS
        if f"test_{name.replace('-', '_')}" not in names and f'"{name}"' not in text and f"/{name}" not in text
    ]
    assert missing == []


def test_the_index_has_every_program_once_under_its_package() -> None:
    named = re.findall(r"^\| \[([\w-]+)\]", docs.index(), re.MULTILINE)
    assert sorted(named) == sorted([*board.PROGRAMS, *docs.OTHER_NAMES])


def test_quirks_name_programs_that_there_are() -> None:
    named = [name for _, names in docs.sections() for name in names]
    assert len(docs.sections()) > 10 and set(named) <= set(board.PROGRAMS)


def test_a_program_is_linked_to_its_differences() -> None:
    assert docs.differences("qmail-qmqpc") == "[QMTP, QMQP](../quirks.md#qmtp-qmqp)"
    assert docs.differences("elq") == "none"


def test_its_state_says_what_it_was_compared_with() -> None:
    assert docs.state("qmail-inject").endswith("recorded, live") and docs.state("smtpd") == "ours" and docs.state("elq") == "by its manual"


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_paths_the_docs_name_exist(page: Path) -> None:
    named = set(re.findall(r"`((?:mta|webadmin|appliance|deploy|tests|bench|templates|static|docs)/[\w./-]+)`", page.read_text()))
    named |= set(re.findall(r"\]\(((?!https?:)[^)#]+)\)", page.read_text()))
    missing = []
    for name in sorted(named):
        base = page.parent if not name.startswith(("mta/", "webadmin/", "appliance/", "deploy/", "tests/", "bench/", "docs/")) else ROOT
        if "ROOM" in name or "NAME" in name:
            continue
        if not any(p.exists() for p in (base / name, ROOT / name, ROOT / f"{name}.py")):
            missing.append(name)
    assert missing == []
