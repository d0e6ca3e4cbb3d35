"""Each conformance case of the specification's section 10 is the name of a test, or of a row of one; or it stands here with the reason
why not.

A name is that of a test function, as in test_s35_a_double_bounce..., or a word in the arguments of its parametrize, as in "Q05".
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

# qmail-queue, qmail-send, bounces, pipes, users, qmail-local, qmail-remote, qmail-smtpd, QMTP QMQP POP3, qmail-inject, tools, both together
LAST = {"Q": 18, "S": 37, "B": 10, "P": 12, "U": 11, "L": 29, "R": 18, "M": 24, "N": 13, "I": 22, "T": 10, "X": 8}
CASES = [f"{letter}{number:02}" for letter, last in LAST.items() for number in range(1, last + 1)]

NOT_TESTED: dict[str, str] = {}

_CASE = re.compile(r"(?<![A-Za-z0-9])([QSBPULRMNITX]\d\d)(?![A-Za-z0-9])", re.IGNORECASE)
_IN_NAME = re.compile(r"(?<=_)([qsbpulrmnitx]\d\d)(?=_)")


def named(path: Path) -> Iterator[str]:
    """The cases a test module names."""
    tree = ast.parse(path.read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):  # rows that are listed above their test
            yield from _strings(node)
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name.startswith("test_"):
            yield from (name.upper() for name in _IN_NAME.findall(function.name + "_"))
            for decorator in function.decorator_list:
                yield from _strings(decorator)


def _strings(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield from (case.upper() for case in _CASE.findall(part.value))


@pytest.fixture(scope="module")
def found() -> frozenset[str]:
    return frozenset(case for path in (ROOT / "tests").rglob("test_*.py") if path.name != Path(__file__).name for case in named(path))


def test_there_are_212_cases() -> None:
    assert len(CASES) == 212


@pytest.mark.parametrize("case", CASES)
def test_a_case_is_tested(case: str, found: frozenset[str]) -> None:
    assert (case in found) != (case in NOT_TESTED), "tested, or listed with a reason, and not both"


def test_reasons_are_sentences() -> None:
    assert set(NOT_TESTED) <= set(CASES)
    assert all(len(reason) > 20 and reason.endswith(".") for reason in NOT_TESTED.values())
