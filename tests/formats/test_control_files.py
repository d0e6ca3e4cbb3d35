"""The table of control files is complete, and says what the programs do."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta import board
from mta.formats.control_files import BY_NAME, OWN, QMAIL, ControlFile, Kind, source_of
from tests.conftest import ROOT

PLANNED = {"all programs"}  # in place of a list of them
READERS = {"line", "line_or_me", "integer", "lines", "set_", "map_", "raw", "open_file", "names"}
OWNERS = {"folder", "controls"}  # what programs call the ControlDir they read from


def test_names_stand_once_and_in_the_order_of_showctl() -> None:
    assert len(BY_NAME) == len(QMAIL) + len(OWN)
    names = [file.name for file in QMAIL]
    assert names == sorted(names, key=lambda n: n.replace("morercpthosts", "rcpthosts+"))
    assert [file.name for file in OWN] == sorted(file.name for file in OWN)


@pytest.mark.parametrize("file", [*QMAIL, *OWN], ids=lambda f: f.name)
def test_each_file_is_explained(file: ControlFile) -> None:
    assert file.meaning.endswith(".")
    assert file.used_by
    assert set(file.used_by) <= board.PROGRAMS.keys() | PLANNED
    if file.kind is Kind.INTEGER:
        assert file.default.isdigit()
        assert file.unit
    if file.kind in (Kind.LINE, Kind.INTEGER):
        assert file.default
        assert file.before
    if file.kind is Kind.CDB:
        assert source_of(file.name) in BY_NAME
    if file.kind in (Kind.LIST, Kind.MAP) and file in QMAIL:
        assert file.without


def readings() -> Iterator[tuple[str, str, str | None]]:
    """-> (module, name of a control file it reads, default if it is a number that stands there)"""
    for path in sorted((ROOT / "mta").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=method), args=[ast.Constant(value=str(name)), *rest]):
                    if owner in OWNERS and method in READERS:
                        yield _module(path), name, _number(method, rest)


def _module(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _number(method: str, rest: list[ast.expr]) -> str | None:
    match method, rest:
        case "integer", [ast.Constant(value=int(number))]:
            return str(number)
    return None


def test_the_table_has_every_file_a_program_reads_with_the_program_s_own_default() -> None:
    found = list(readings())
    assert {"me", "rcpthosts", "virtualdomains", "timeoutsmtpd"} <= {name for _, name, _ in found}
    unknown = [(module, name) for module, name, _ in found if name not in BY_NAME and name != "."]
    assert unknown == []
    others = [(module, name, number) for module, name, number in found if number is not None and number != BY_NAME[name].default]
    assert others == []
