"""bin/NAME of an instance: a few lines that start a program of mta/ from this checkout.

The line that imports runner tells qmail-start, the spawners and the callers of qmail-queue that the program is ours.
Run as   QMAIL_HOME=/var/qmail python3 -m deploy.bin_file NAME >FILE, for a single program among others' (docs/recipes/swap.md)
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from deploy.environment import CHECKOUT
from mta import board


def text(name: str, real: str, *, checkout: Path, home: Path, python: str) -> str:
    """name: of the file. real: the program's own. python: for programs that are not thin; those run on the bare interpreter."""
    interpreter = f"{Path(sys.executable).resolve()} -IS" if real in board.THIN else f"{python} -I"
    argv0 = f", argv0={name.encode()!r}" if name != real else ""
    return (
        f"#!{interpreter}\nimport sys\nsys.path.insert(0, {str(checkout)!r})\nfrom mta import runner\n"
        f"runner.run({real!r}, {os.fsencode(home)!r}{argv0})\n"
    )


def main() -> None:
    home = os.environ.get("QMAIL_HOME", "/var/qmail")
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if name not in board.PROGRAMS:
        sys.exit("bin_file: usage: QMAIL_HOME=HOME python3 -m deploy.bin_file NAME >FILE, where NAME is one of docs/programs/index.md")
    print(text(name, name, checkout=CHECKOUT, home=Path(home).absolute(), python=sys.executable), end="")


if __name__ == "__main__":
    main()
