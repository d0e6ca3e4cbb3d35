"""822print: print the message for a person at a terminal.

Usage    822print < MESSAGE, mostly with a pager behind it: 822print < new/12345 | less
Reads    fd 0, the message (formats/mess822_header); TZ
Writes   fd 1: its header, laid out (formats/mess822_print), then the rest as it is
Exits    0; 111 unable to read or write
Limits   the header is held in memory, the body never. The bytes of the body go to the terminal as they are.
Runs as  whoever may read the message
Source   822print(1)
"""

from __future__ import annotations

import os
import time

from mta.formats.mess822_header import Splitter
from mta.formats.mess822_print import Header
from mta.unix import say
from mta.unix.fds import Fds

PROGRAM = b"822print"
_PIECE = 1 << 16


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    splitter, header = Splitter(), Header()
    step = b"read input"
    try:
        while True:
            step = b"read input"
            piece = os.read(fds[0], _PIECE)
            step = b"write output"
            if splitter.is_body:
                fds.write(1, piece)
            else:
                fds.write(1, _header(splitter, header, piece))
            if not piece:
                return 0
    except BrokenPipeError:  # whoever reads has seen enough
        return 0
    except OSError as error:
        return say.fatal(fds, PROGRAM, b"unable to " + step, error)


def _header(splitter: Splitter, header: Header, piece: bytes) -> bytes:
    """piece: the next of the message, b"" at its end -> what can be printed now."""
    fields, body = splitter.feed(piece) if piece else splitter.close()
    for field in fields:
        header.field(field)
    return header.write(time.localtime) + body if splitter.is_body else b""
