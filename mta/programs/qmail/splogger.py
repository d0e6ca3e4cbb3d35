"""splogger: hand the lines of a log to syslog.

Usage    splogger [TAG [FACILITY]], TAG standing before each entry (splogger), FACILITY being syslog's number of it (2, mail)
Reads    fd 0, lines (formats/splogger says what becomes of them)
Writes   entries to syslog
Exits    0 at the end of the input
Limits   799 octets an entry, longer lines are folded; syslog may lose what it is given, and nobody is told: multilog does not
Runs as  qmaill
Source   splogger(8), splogger.c
"""

from __future__ import annotations

import os
import syslog

from mta.formats import control, splogger
from mta.unix import clock
from mta.unix.fds import Fds

_MAIL = 2
_PIECE = 1 << 16


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    tag = argv[0] if argv else b"splogger"
    facility = (control.integer(argv[1]) or 0) if len(argv) > 1 else _MAIL
    syslog.openlog(tag.decode("latin-1"), 0, facility << 3)
    cutter = splogger.Cutter(clock.now_ns)
    try:
        while data := os.read(fds[0], _PIECE):
            for level, text in cutter.feed(data):
                syslog.syslog(level, text.decode("ascii"))
    except OSError:  # nothing more to read
        pass
    syslog.closelog()
    return 0
