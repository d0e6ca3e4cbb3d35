"""addcr: put a CR before the end of each line.

Reads    fd 0 to its end
Writes   fd 1: the same with CR before every LF; CR LF becomes CR CR LF. What was read is written before more is read
Exits    0; 111 the input cannot be read or the output not written
Source   addcr(1), addcr.c
"""

from __future__ import annotations

import os

from mta.formats import crlf
from mta.unix.fds import Fds

_PIECE = 1 << 16


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    try:
        while piece := os.read(fds[0], _PIECE):
            fds.write(1, crlf.add_cr(piece))
    except OSError:
        return 111
    return 0
