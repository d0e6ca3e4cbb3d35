"""tai64nlocal: turn TAI64N labels at the beginning of lines into local time.

Reads    fd 0 to its end; the zone of the process (TZ)
Writes   each line to fd 1, with its label, if it begins with one, as "YYYY-MM-DD HH:MM:SS.NNNNNNNNN" (formats/tai64n)
Exits    0; 111 the input cannot be read or the output not written
Limits   lines may be of any length: they pass in pieces of 64 KiB, and all that was read is written before more is, but for a label
         that may not be whole yet
Source   tai64nlocal(8)
"""

from __future__ import annotations

import os
import time

from mta.formats import tai64n
from mta.unix.fds import Fds

_PIECE = 1 << 16
_HELD_MAX = 1 << 16  # more digits than that are no label any more


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    held = b""  # the beginning of a line whose label may go on
    is_inside = False  # a line has begun and its beginning is written
    try:
        while piece := os.read(fds[0], _PIECE):
            lines = (held + piece).split(b"\n")
            is_last_new = len(lines) > 1 or not is_inside
            held = lines.pop() if is_last_new and tai64n.is_open(lines[-1]) and len(lines[-1]) < _HELD_MAX else b""
            if held:
                lines.append(b"")
            done = [tai64n.local(line, time.localtime) if i or not is_inside else line for i, line in enumerate(lines)]
            fds.write(1, b"\n".join(done))
            is_inside = bool(lines[-1])
        fds.write(1, tai64n.local(held, time.localtime))
    except OSError:
        return 111
    return 0
