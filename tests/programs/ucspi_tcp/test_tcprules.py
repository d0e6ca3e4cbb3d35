"""tcprules: the recorded files of the original, exits, messages, and what stands after a failure. Cases C1-C3."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import as_bytes, corpus
from tests.support.call import Result, call

CASES = [c for c in corpus("oracle/newu-newmrh-pw2u-tcprules-cdb-multilog-tai64n") if c["tool"] == "tcprules"]
OLD = b"the old database"


class Rules:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cdb = folder / "rules.cdb"
        self.temporary = folder / "rules.tmp"

    def compile_(self, text: bytes) -> Result:
        return call("tcprules", [os.fsencode(self.cdb), os.fsencode(self.temporary)], {}, text)


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    return Rules(tmp_path)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"])
def test_it_does_what_the_original_did(case: dict[str, Any], rules: Rules) -> None:
    assert rules.compile_(as_bytes(case["input"])) == Result(case["rc"], b"", as_bytes(case["stderr"]))
    assert (rules.cdb.read_bytes() if rules.cdb.exists() else None) == (case["cdb_b64"] and base64.b64decode(case["cdb_b64"]))


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"])
def test_its_file_answers_as_the_originals_did(case: dict[str, Any], rules: Rules) -> None:
    rules.compile_(as_bytes(case["input"]))
    for check in case["checks"]:
        env = {name.encode(): as_bytes(value) for name, value in check["env"].items() if value is not None}
        wanted = Result(check["rc"], as_bytes(check["stdout"]), b"")
        assert call("tcprulescheck", [os.fsencode(rules.cdb)], env) == wanted, check["env"]


def test_c2_no_rules_replace_the_old_ones(rules: Rules) -> None:
    rules.cdb.write_bytes(OLD)
    assert rules.compile_(b"") == Result(0, b"", b"")
    assert len(rules.cdb.read_bytes()) == 2048
    assert rules.cdb.stat().st_mode & 0o777 == 0o644
    assert not rules.temporary.exists()


@pytest.mark.parametrize(
    ("why", "text", "shown"),
    [
        ("C3", b":allow\n1.2.3.4:\n", b"1.2.3.4:"),
        ("the CR is not seen, but it is there", b":deny\r\n", b":deny\r"),
        ("up to a NUL, as the original prints it", b"a\0b:no\n", b"a"),
    ],
)
def test_c3_a_line_that_is_no_rule_leaves_the_old_file(why: str, text: bytes, shown: bytes, rules: Rules) -> None:
    rules.cdb.write_bytes(OLD)
    assert rules.compile_(text) == Result(100, b"", b"tcprules: fatal: unable to parse this line: %b\n" % shown), why
    assert rules.cdb.read_bytes() == OLD


@pytest.mark.parametrize("argv", [[], [b"rules.cdb"]])
def test_it_wants_two_names(argv: list[bytes]) -> None:
    assert call("tcprules", argv, {}) == Result(100, b"", b"tcprules: usage: tcprules rules.cdb rules.tmp\n")


def test_it_says_which_file_it_cannot_make(rules: Rules) -> None:
    rules.temporary = rules.folder / "nodir" / "x"
    message = b"tcprules: fatal: unable to create %b: file does not exist\n" % os.fsencode(rules.temporary)
    assert rules.compile_(b":allow") == Result(111, b"", message)


def test_it_says_where_it_cannot_move_it(rules: Rules) -> None:
    rules.cdb = rules.folder / "nodir" / "x"
    names = os.fsencode(rules.temporary), os.fsencode(rules.cdb)
    assert rules.compile_(b":allow") == Result(111, b"", b"tcprules: fatal: unable to move %b to %b: file does not exist\n" % names)


def test_it_says_that_it_cannot_read(rules: Rules) -> None:
    folder = os.open(rules.folder, os.O_RDONLY)
    try:
        result = call("tcprules", [os.fsencode(rules.cdb), os.fsencode(rules.temporary)], {}, stdin_fd=folder)
    finally:
        os.close(folder)
    assert result == Result(111, b"", b"tcprules: fatal: unable to read input: is a directory\n")
