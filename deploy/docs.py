"""docs/programs from the heads of the rooms: a page for each program, and an index; docs/options.md from options. tests/test_docs.py fails
while they differ.

Index    by package: each program, what it does, its state, and the sections of docs/quirks.md that name it under "Programs:"
State    how its answers were compared with those of the original: N recorded (docs/testing.md), live (tests/differential); else by its
         manual alone. Every program is whole: what it leaves out is in docs/options.md.
Run as   python -m deploy.docs
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from deploy import options
from deploy.environment import CHECKOUT
from deploy.prepare import OTHER_NAMES
from mta import board

FOLDER = CHECKOUT / "docs" / "programs"
OURS = "our servers"
# package: what it is; in the order of the index
PACKAGES = {
    "qmail": "As in 1.03, netqmail 1.06 and notqmail 1.09.",
    "patches of qmail": "What most sites add to it; off unless a control file or a variable asks for it.",
    OURS: "In place of a process for each connection (docs/decisions/0001); there is no original.",
    "ucspi-tcp": "As in 0.88.",
    "daemontools": "As in 0.76.",
    "checkpassword": "The program behind qmail-popup and AUTH; any other with its interface can stand there, too.",
    "fastforward": "Forwarding by tables, and sendmail's aliases.",
    "dot-forward": "Forwarding as users of sendmail write it.",
    "mess822": "Rewriting and showing headers.",
    "serialmail": "Mail for hosts that are not always connected.",
    "relay-ctrl": "POP before SMTP.",
    "qmail-qfilter": "Filters before the queue.",
    "qmailanalog": "Reports from the log of qmail-send.",
    "isoqlog": "Pages from the same log.",
    "vpopmail": "As in 5.4; its commands are those of `manage.py`.",
    "scripts of many sites": "Each known by its name.",
}
_OF_WING = {
    **{wing: wing for wing in ("qmail", "daemontools", "fastforward", "mess822", "serialmail", "qmailanalog", "checkpassword", "vpopmail")},
    "servers": OURS,
    "ucspi_tcp": "ucspi-tcp",
    "relay_ctrl": "relay-ctrl",
    "queue_tools": "scripts of many sites",
    "filters": "scripts of many sites",
}
_OF_PROGRAM = {
    "dot-forward": "dot-forward",
    "isoqlog": "isoqlog",
    "qmail-qfilter": "qmail-qfilter",
    "qmail-newbrt": "patches of qmail",
}


def package(name: str) -> str:
    return _OF_PROGRAM.get(name) or _OF_WING[board.PROGRAMS[name][0]]


def head(name: str) -> str:
    """The docstring at the top of a program's room."""
    path = CHECKOUT.joinpath(*board.module(name).split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.get_docstring(ast.parse(source.read_text())) or ""


def page(name: str) -> str:
    title, _, rest = head(name).partition("\n")
    room = board.module(name).replace(".", "/")
    facts = f"Room: `{room}`. Package: {package(name)}. State: {state(name)}. Differences: {differences(name)}.\n"
    return f"# {title}\n\n```\n{rest.strip()}\n```\n\n{facts}"


# -- state and differences ---------------------------------------------------------------------------------------------------------


def state(name: str) -> str:
    if package(name) == OURS:
        return "ours"
    compared = [*([f"{recorded()[name]} recorded"] if name in recorded() else []), *(["live"] if name in live() else [])]
    return ", ".join(compared) or "by its manual"


@cache
def recorded() -> dict[str, str]:
    """Program -> how many recorded cases there are of it, from docs/testing.md, whose count a test checks."""
    text = (CHECKOUT / "docs/testing.md").read_text()
    return dict(re.findall(r"^\| ([\w-]+) \| (\d+) \| \d+ \|", text, re.MULTILINE))


@cache
def live() -> frozenset[str]:
    """Programs that tests/differential runs beside the originals."""
    modules = (path for path in (CHECKOUT / "tests/differential").glob("test_*.py"))
    return frozenset(word for path in modules for word in _words(path) if word in board.PROGRAMS)


def _words(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            yield from text.rpartition("/")[2].split()[:1]


def differences(name: str) -> str:
    """Links to sections of docs/quirks.md."""
    found = [f"[{title}](../quirks.md#{_anchor(title)})" for title, names in sections() if name in names]
    return ", ".join(found) or "none"


@cache
def sections() -> tuple[tuple[str, frozenset[str]], ...]:
    """Headings of docs/quirks.md, each with the programs it names below."""
    text = (CHECKOUT / "docs/quirks.md").read_text()
    found = re.findall(r"^## (.+)\n\nPrograms: (.+(?:\n.+)*)\.$", text, re.MULTILINE)
    return tuple((title, frozenset(re.split(r",\s+", names))) for title, names in found)


def _anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


# -- the index ---------------------------------------------------------------------------------------------------------------------


def index() -> str:
    rows = ["# Programs", "", *_HEAD]
    for title, what in PACKAGES.items():
        rows += [
            f"## {title}",
            "",
            f"{what[0].upper()}{what[1:]}.",
            "",
            "| program | what it does | state | differences |",
            "|---|---|---|---|",
        ]
        rows += [row for name, row in sorted(_rows()) if package(OTHER_NAMES.get(name, name)) == title]
        rows.append("")
    return "\n".join(rows)


_HEAD = (
    "Made by `make docs` from the heads of the rooms, docs/quirks.md and the tests. Each lies in `bin/` of an instance under its own name.",
    "",
    "State: how its answers were compared with those of the original. *N recorded*: with what the original did, to the byte; *live*: with",
    "the original beside it, on generated inputs; *by its manual*: with what its documents say. What is left out, of any of them, stands",
    "in [options](../options.md).",
    "",
)


def _rows() -> Iterator[tuple[str, str]]:
    for name, (_, summary) in board.PROGRAMS.items():
        yield name, f"| [{name}]({name}.md) | {summary} | {state(name)} | {differences(name)} |"
    for name, real in OTHER_NAMES.items():
        yield name, f"| [{name}]({real}.md) | another name of {real} | {state(real)} | {differences(real)} |"


def heads() -> dict[str, str]:
    return {name: head(name) for name in board.PROGRAMS}


def pages() -> dict[Path, str]:
    own = {FOLDER / f"{name}.md": page(name) for name in board.PROGRAMS}
    return {FOLDER / "index.md": index(), CHECKOUT / "docs/options.md": options.page(heads()), **own}


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
