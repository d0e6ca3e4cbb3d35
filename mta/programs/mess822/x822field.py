"""822field: print what a field of the message says.

Usage    822field [NAME] < MESSAGE; NAME is Subject unless another is given
Reads    fd 0, of the message the header (formats/mess822_header)
Writes   fd 1: the value of each field of that name, a line each, its folds taken out
Exits    0; 100 there is none; 111 unable to read or write
Limits   the header is held in memory
Runs as  whoever may read the message
Source   822field(1)
"""

from __future__ import annotations

from mta.formats import mess822_header
from mta.unix import header_input, say
from mta.unix.fds import Fds

PROGRAM = b"822field"
_NONE = 100


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    wanted = argv[0].lower() if argv else b"subject"
    try:
        found = [f for f in header_input.fields(fds[0]) if mess822_header.name(f) == wanted]
    except OSError as error:
        return say.fatal(fds, PROGRAM, b"unable to read input", error)
    try:
        fds.write(1, b"".join(mess822_header.value(field) + b"\n" for field in found))
    except OSError as error:
        return say.fatal(fds, PROGRAM, b"unable to write output", error)
    return 0 if found else _NONE
