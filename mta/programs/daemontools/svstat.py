"""svstat: say what services are doing, a line each.

Usage    svstat DIR ...
Reads    DIR/supervise/status, if DIR/supervise/ok has a reader; whether there is a DIR/down
Writes   formats/svstat to fd 1; what goes wrong with a service stands in its line
Exits    0; 111 the working directory cannot be opened
Source   svstat(8), svstat.c
"""

from __future__ import annotations

import errno
import os
import time

from mta.formats import supervise_status, svstat
from mta.formats.error_str import error_str
from mta.unix import say
from mta.unix.cwd import Kept
from mta.unix.fds import Fds

NAME = b"svstat"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    lines = []
    step = b"open current directory"
    try:
        with Kept() as cwd:
            step = b"set directory"
            for folder in argv:
                lines.append(_line(folder))
                cwd.back()
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to " + step, error)
    fds.write(1, b"".join(lines))
    return 0


def _line(folder: bytes) -> bytes:
    step = b"chdir"
    try:
        os.chdir(folder)
        step = b"stat down"
        is_normally_up = not _is_down()
        step = b"open supervise/ok"
        os.close(os.open(b"supervise/ok", os.O_WRONLY | os.O_NONBLOCK))
        step = b"open supervise/status"
        fd = os.open(b"supervise/status", os.O_RDONLY | os.O_NONBLOCK)
        step = b"read supervise/status"
        status = supervise_status.read(_read(fd))
    except OSError as error:
        if step == b"open supervise/ok" and error.errno == errno.ENXIO:
            return svstat.trouble(folder, b"supervise not running")
        return svstat.trouble(folder, b"unable to %b: %b" % (step, error_str(error.errno).encode()))
    except ValueError as error:
        return svstat.trouble(folder, b"unable to %b: %b" % (step, str(error).encode()))
    return svstat.line(folder, status, is_normally_up, time.time_ns())


def _is_down() -> bool:
    try:
        os.stat(b"down")
    except FileNotFoundError:
        return False
    return True


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, supervise_status.SIZE)
    finally:
        os.close(fd)
