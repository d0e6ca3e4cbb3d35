"""delcr: take away the CR before the end of each line.

Reads    fd 0 to its end
Writes   fd 1: the same without the one CR that stands right before a LF. What was read is written before more is read, a CR apart
Exits    0; 111 the input cannot be read or the output not written
Source   delcr(1), delcr.c
"""

from __future__ import annotations

import os

from mta.formats import crlf
from mta.unix.fds import Fds

_PIECE = 1 << 16


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    lines = crlf.DelCr()
    try:
        while piece := os.read(fds[0], _PIECE):
            fds.write(1, lines.take(piece))
        fds.write(1, lines.end())
    except OSError:
        return 111
    return 0
