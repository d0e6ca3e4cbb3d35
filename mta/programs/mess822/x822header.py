"""822header: print the header of the message.

Usage    822header < MESSAGE
Reads    fd 0, of the message the header (formats/mess822_header)
Writes   fd 1: its lines as they are, up to the first that belongs to no header; the empty line after them is none
Exits    0; 111 unable to read or write
Limits   the header is held in memory
Runs as  whoever may read the message
Source   822header(1)
"""

from __future__ import annotations

from mta.unix import header_input, say
from mta.unix.fds import Fds

PROGRAM = b"822header"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    try:
        header = b"".join(header_input.fields(fds[0]))
    except OSError as error:
        return say.fatal(fds, PROGRAM, b"unable to read input", error)
    try:
        fds.write(1, header)
    except OSError as error:
        return say.fatal(fds, PROGRAM, b"unable to write output", error)
    return 0
