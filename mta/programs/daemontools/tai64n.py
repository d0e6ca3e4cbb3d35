"""tai64n: put a time before each line.

Reads    fd 0 to its end
Writes   to fd 1 each line with "@", 24 hex digits and a space before it: when its first octet was read (formats/tai64n).
         A last line without an end stays without one.
Exits    0; 111 the input cannot be read or the output not written
Limits   lines may be of any length: they pass in pieces of 64 KiB, and all that was read is written before more is
Source   tai64n(8)
"""

from __future__ import annotations

import os
import time

from mta.formats import tai64n
from mta.unix.fds import Fds

_PIECE = 1 << 16


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    is_inside = False  # a line has begun and not ended
    try:
        while piece := os.read(fds[0], _PIECE):
            lines = piece.split(b"\n")
            stamped = [tai64n.write(time.time_ns()) + b" " + line for line in lines]
            if is_inside:
                stamped[0] = lines[0]
            if not lines[-1]:  # the piece ended with a line: the next one has not begun
                stamped[-1] = b""
            fds.write(1, b"\n".join(stamped))
            is_inside = bool(lines[-1])
    except OSError:
        return 111
    return 0
