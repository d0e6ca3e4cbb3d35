"""The table of floors: imports only go down, and a program never imports a program."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.conftest import ROOT

MTA_FLOORS = ["mta.errors", "mta.formats", "mta.decisions", "mta.unix", "mta.net", "mta.programs"]
MAY_USE = {
    **{floor: set(MTA_FLOORS[: i + 1]) - {"mta.programs"} for i, floor in enumerate(MTA_FLOORS)},
    # a warm parent runs another program by its name, through the porter
    "mta.programs": {*MTA_FLOORS[:-1], "mta.runner"},
    "mta.runner": {"mta.board", "mta.errors", "mta.unix"},
    "mta.board": set(),
    "mta.__main__": {"mta.board", "mta.runner"},
    "webadmin": {"webadmin", "mta.errors", "mta.formats", "mta.decisions", "mta.unix"},
    "appliance": {"appliance"},
    "deploy": {"deploy", "mta.board", "mta.errors", "mta.formats", "mta.unix"},
}
NEVER_IN_MTA = {"django", "celery", "kombu", "psycopg", "webadmin", "appliance"}


def floor_of(module: str) -> str:
    return next((f for f in sorted(MAY_USE, key=len, reverse=True) if module == f or module.startswith(f + ".")), module.split(".")[0])


def room_of(module: str) -> str:
    """mta.programs.qmail.qmail_send.todo -> mta.programs.qmail.qmail_send"""
    return ".".join(module.split(".")[:4])


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            base = node.module or ""
            found += [f"{base}.{a.name}" for a in node.names]
    return found


def complaints(path: Path, wanted: list[str] | None = None) -> list[str]:
    me = module_name(path)
    mine = floor_of(me)
    found = []
    for name in imports(path) if wanted is None else wanted:
        top = name.split(".")[0]
        if mine.startswith("mta") and top in NEVER_IN_MTA:
            found.append(f"{me} imports {name}: the mail system knows no control plane")
        if top not in ("mta", "webadmin", "appliance", "deploy", "tests"):
            continue
        if mine == "mta.programs" and name.startswith("mta.programs"):
            if room_of(name) != room_of(me):
                found.append(f"{me} imports {name}: a program never imports a program")
        elif floor_of(name) not in MAY_USE[mine]:
            found.append(f"{me} imports {name}: {mine} may not use {floor_of(name)}")
    return found


FILES = [p for top in ("mta", "webadmin", "appliance", "deploy") for p in sorted((ROOT / top).rglob("*.py"))]


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_imports_only_go_down(path: Path) -> None:
    assert complaints(path) == []


@pytest.mark.parametrize(
    ("why", "module", "imported"),
    [
        ("a format that opens files", "mta/formats/todo.py", "mta.unix.disk"),
        ("a program that uses another", "mta/programs/qmail/qmail_queue.py", "mta.programs.qmail.qmail_inject"),
        ("the mail system asking the database", "mta/unix/disk.py", "django.db"),
        ("the control plane speaking SMTP", "webadmin/models/__init__.py", "mta.net.smtp"),
    ],
)
def test_the_table_catches(why: str, module: str, imported: str) -> None:
    assert complaints(ROOT / module, [imported]), why
