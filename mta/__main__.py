"""python -m mta NAME [ARGUMENT ...]: run a program by its name. Without a name: list them."""

from __future__ import annotations

import os
import sys

from mta import board, runner


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in board.PROGRAMS:
        for known, (_, summary) in sorted(board.PROGRAMS.items()):
            sys.stdout.write(f"{known:14} {summary}\n")
        sys.exit(100 if name else 0)
    del sys.argv[1]
    home = os.environb.get(b"QMAIL_HOME") or (b"var/qmail" if os.path.isdir("var/qmail") else b"/var/qmail")
    runner.run(name, os.path.abspath(home))


main()
