"""svok: is a service supervised?

Usage    svok DIR
Reads    nothing: whether DIR/supervise/ok has a reader
Exits    0 it is; 100 it is not, or usage; 111 DIR cannot be entered, or ok not opened
Source   svok(8), svok.c
"""

from __future__ import annotations

import errno
import os

from mta.unix import say
from mta.unix.cwd import Kept
from mta.unix.fds import Fds

NAME = b"svok"
NOT_SUPERVISED = 100


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if not argv:
        return say.usage(fds, NAME, b"svok dir")
    folder = argv[0]
    step = b"open current directory"
    try:
        with Kept():
            step = b"chdir to " + folder
            os.chdir(folder)
            step = b"open %b/supervise/ok" % folder
            os.close(os.open(b"supervise/ok", os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        if step.startswith(b"open " + folder) and error.errno in (errno.ENOENT, errno.ENXIO):
            return NOT_SUPERVISED
        return say.fatal(fds, NAME, b"unable to " + step, error)
    return 0
