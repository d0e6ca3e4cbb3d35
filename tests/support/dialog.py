"""Dialogs as text files: what the client says, what it must hear.

Lines    "# remark"; before the dialog "M: NAME: text of a message, \\n being its newlines"; "C: what the client says"; "S: what it hears",
         where {any} stands for anything within the line; "LEFT: names of the messages there are afterwards"
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import ROOT

FOLDER = ROOT / "tests/dialogs"


@dataclass
class Dialog:
    name: str
    messages: list[tuple[bytes, bytes]] = field(default_factory=list)
    greeting: list[str] = field(default_factory=list)
    steps: list[tuple[bytes, list[str]]] = field(default_factory=list)  # (said, lines heard)
    left: list[bytes] | None = None


def load(path: Path) -> Dialog:
    dialog = Dialog(path.stem)
    for number, line in enumerate(path.read_text().splitlines(), 1):
        kind, _, text = line.partition(":")
        text = text.removeprefix(" ")
        if line.startswith("#") or not line:
            continue
        if kind == "M":
            name, _, message = text.partition(": ")
            dialog.messages.append((name.encode(), message.replace("\\n", "\n").encode()))
        elif kind == "C":
            dialog.steps.append((text.encode(), []))
        elif kind == "S":
            (dialog.steps[-1][1] if dialog.steps else dialog.greeting).append(text)
        elif kind == "LEFT":
            dialog.left = text.encode().split()
        else:
            raise ValueError(f"{path}:{number}: {line}")
    return dialog


def all_of(protocol: str) -> list[Dialog]:
    found = [load(path) for path in sorted((FOLDER / protocol).glob("*.txt"))]
    assert found, f"no dialogs in {FOLDER / protocol}"
    return found


def run(dialog: Dialog, greeting: bytes, ask: Callable[[bytes, int], bytes]) -> None:
    """ask: (line, number of lines wanted) -> the whole reply."""
    _compare(dialog.name, "the greeting", dialog.greeting, greeting)
    for said, wanted in dialog.steps:
        _compare(dialog.name, said.decode(), wanted, ask(said, len(wanted)))


def _compare(name: str, said: str, wanted: list[str], heard: bytes) -> None:
    pattern = "".join(re.escape(line).replace(r"\{any\}", "[^\r\n]*") + "\r\n" for line in wanted)
    assert re.fullmatch(pattern.encode(), heard), f"{name}: after {said}: {heard!r}"
