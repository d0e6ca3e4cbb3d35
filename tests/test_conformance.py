"""Each conformance case of the specifications is the name of a test, or of a row of one; or it stands here with the reason why not.

The 212 of qmail itself (section 10 there) have a letter for each kind; of the programs around it (section 12 there) C1 to C70 are the
cases and V01 to V13 the numeric vectors, in their order. A name is that of a test function, as in test_s35_a_double_bounce..., or a word in
the arguments of its parametrize, as in "Q05".
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
CORE = [f"{letter}{number:02}" for letter, last in LAST.items() for number in range(1, last + 1)]
AROUND = [f"C{number}" for number in range(1, 71)] + [f"V{number:02}" for number in range(1, 14)]
CASES = CORE + AROUND

IMAP = "IMAP is not served; Courier and Dovecot can read the same Maildirs, and their files in them are left alone."
EZMLM = "The list manager is not there; lists are aliases, fastforward's or compiled mailing lists, or an installed ezmlm in a .qmail file."
NOT_TESTED = {
    "C45": IMAP,
    "C46": IMAP,
    "C47": "New mailboxes lie in DOMAIN/USER whatever their number, and directories that vpopmail has hashed are kept (docs/quirks.md).",
    "C48": "vpopmaild is not there: the pages, the management commands and the installer's socket do what it does.",
    **dict.fromkeys([f"C{number}" for number in range(49, 58)], EZMLM),
    "C63": "chkuser is a patch; smtpd asks for virtual recipients by itself and says 550 in qmail's words (tests/programs/servers).",
    "C64": "Plugins of qmail-spp are not there: QMAILQUEUE and qmail-qfilter take filters of messages, tcpserver's rules those of clients.",
    **dict.fromkeys([f"V{number:02}" for number in range(7, 13)], EZMLM),
}

_CASE = re.compile(r"(?<![A-Za-z0-9])([QSBPULRMNITXV]\d\d|C[1-9]\d?)(?![A-Za-z0-9])", re.IGNORECASE)
_IN_NAME = re.compile(r"(?<=_)([qsbpulrmnitxv]\d\d|c[1-9]\d?)(?=_)")


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
    """The pages of the control plane have no cases."""
    modules = (path for path in (ROOT / "tests").rglob("test_*.py") if path.name != Path(__file__).name and "webadmin" not in path.parts)
    return frozenset(case for path in modules for case in named(path))


def test_there_are_212_cases_of_qmail_and_83_of_what_is_around_it() -> None:
    assert (len(CORE), len(AROUND)) == (212, 83)


@pytest.mark.parametrize("case", CASES)
def test_a_case_is_tested(case: str, found: frozenset[str]) -> None:
    assert (case in found) != (case in NOT_TESTED), "tested, or listed with a reason, and not both"


def test_reasons_are_sentences() -> None:
    assert set(NOT_TESTED) <= set(CASES)
    assert all(len(reason) > 20 and reason.endswith(".") for reason in NOT_TESTED.values())
