"""tcprules: compile rules for TCP clients.

Usage    tcprules RULES.cdb RULES.tmp < TEXT; both names on one file system
Reads    fd 0, the rules (formats/tcprules)
Writes   RULES.tmp, synced and renamed to RULES.cdb, mode 0644 less the umask: programs that read the old one keep it until they open again
Exits    0; 100 usage, or a line that is no rule; 111 files. Then the old RULES.cdb stands, and RULES.tmp may be left as it is
Source   tcprules(1), tcprules.c
"""

from __future__ import annotations

import os

from mta.formats import tcprules
from mta.unix import say
from mta.unix.disk import REAL
from mta.unix.fds import Fds

NAME = b"tcprules"
_PIECE = 1 << 16


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if len(argv) < 2:
        return say.usage(fds, NAME, b"tcprules rules.cdb rules.tmp")
    path, temporary = argv[:2]
    step = b"create " + temporary
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            step = b"read input"
            data = tcprules.compile_(_read(fds[0]))
            step = b"write to " + temporary
            REAL.write(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        step = b"move %b to %b" % (temporary, path)
        os.rename(temporary, path)
        step = b"sync the directory of " + path
        REAL.sync_dir(os.path.dirname(path) or b".")
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to " + step, error)
    except tcprules.BadLine as error:
        say.fatal(fds, NAME, b"unable to parse this line: " + error.line.partition(b"\0")[0])
        return 100
    except ValueError as error:
        return say.fatal(fds, NAME, b"unable to write to %b: %b" % (temporary, str(error).encode()))
    return 0


def _read(fd: int) -> bytes:
    pieces = []
    while piece := os.read(fd, _PIECE):
        pieces.append(piece)
    return b"".join(pieces)
