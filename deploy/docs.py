"""docs/programs from the heads of the rooms: a page for each program, and an index. tests/test_docs.py fails while they differ.

Run as   python -m deploy.docs
"""

from __future__ import annotations

import ast
from pathlib import Path

from deploy.environment import CHECKOUT
from mta import board

FOLDER = CHECKOUT / "docs" / "programs"
WINGS = {
    "qmail": "qmail",
    "servers": "our servers, in place of a process for each connection (docs/decisions/0001)",
    "daemontools": "daemontools",
    "ucspi_tcp": "ucspi-tcp",
    "fastforward": "fastforward, dot-forward",
    "mess822": "mess822",
    "serialmail": "serialmail",
    "qmailanalog": "qmailanalog, isoqlog",
    "checkpassword": "checkpassword",
    "relay_ctrl": "relay-ctrl",
    "queue_tools": "queue tools, checks, conversion",
    "filters": "filters, which stand before the queue or before a delivery",
    "vpopmail": "vpopmail",
}


def head(name: str) -> str:
    """The docstring at the top of a program's room."""
    path = CHECKOUT.joinpath(*board.module(name).split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.get_docstring(ast.parse(source.read_text())) or ""


def page(name: str) -> str:
    title, _, rest = head(name).partition("\n")
    wing, _ = board.PROGRAMS[name]
    room = board.module(name).replace(".", "/")
    return f"# {title}\n\n```\n{rest.strip()}\n```\n\nRoom: `{room}`. Wing: {WINGS[wing].partition(',')[0]}.\n"


def index() -> str:
    rows = ["# Programs", "", "Made by `make docs` from the heads of the rooms.", ""]
    for wing, title in WINGS.items():
        rows += [f"## {title}", "", "| program | what it does |", "|---|---|"]
        rows += [f"| [{name}]({name}.md) | {summary} |" for name, (w, summary) in sorted(board.PROGRAMS.items()) if w == wing]
        rows.append("")
    return "\n".join(rows)


def pages() -> dict[Path, str]:
    return {FOLDER / "index.md": index(), **{FOLDER / f"{name}.md": page(name) for name in board.PROGRAMS}}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    wanted = pages()
    for path, text in wanted.items():
        path.write_text(text)
    for path in FOLDER.glob("*.md"):
        if path not in wanted:
            path.unlink()


if __name__ == "__main__":
    main()
