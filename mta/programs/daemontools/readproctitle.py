"""readproctitle: show the last words of others where ps shows our arguments.

Usage    readproctitle WORD ... DOTS, mostly: svscan DIR 2>&1 | readproctitle service errors: ................
Reads    fd 0 to its end
Writes   our own last argument: dots at first, then three dots and the last octets read, of the length there was; NULs are left out
Exits    0 at the end of the input; 100 fewer than 5 octets in the last argument; 111 the input cannot be read, or no /proc
Runs as  whoever runs svscan (svscanboot does that)
Source   readproctitle(8), readproctitle.c
"""

from __future__ import annotations

import os

from mta.unix import say
from mta.unix.cmdline import LastArgument
from mta.unix.fds import Fds

NAME = b"readproctitle"
_SHORTEST = 5
_KEPT = 3  # dots that stay
_PIECE = 1 << 12


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if not argv or len(argv[-1]) < _SHORTEST:
        return 100
    size = len(argv[-1])
    try:
        title = LastArgument(argv[-1])
        text = b"." * size
        title.show(text)
        while piece := os.read(fds[0], _PIECE):
            text = text[:_KEPT] + (text + piece.replace(b"\0", b""))[_KEPT - size :]
            title.show(text)
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to show what is read", error)
    except ValueError as error:
        return say.fatal(fds, NAME, b"unable to show what is read: " + str(error).encode())
    return 0
