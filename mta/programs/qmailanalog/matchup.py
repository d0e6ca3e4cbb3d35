"""matchup: match up the lines of qmail-send's log, for the reports.

Usage    cat PENDING LOG | matchup > OUT 5> NEWPENDING
Reads    fd 0: what is pending since the last time, then the log, each line with its time: seconds with a fraction, or a TAI64N label
Writes   fd 1: a line for each message that has left the queue and each delivery that has ended (decisions/matchup); fd 5: what is pending,
         and a last line that has not ended
Exits    0; 111 unable to read or write, or fd 5 is not open: what stands on fd 1 then must not be used, or it would be counted twice
Limits   messages in the queue and deliveries under way are held in memory
Runs as  whoever may read the log
Source   matchup(1)
"""

from __future__ import annotations

import os

from mta.decisions.matchup import Matchup
from mta.unix import say
from mta.unix.fds import Fds

NAME = b"matchup"
_PENDING = 5
_PIECE = 1 << 16


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    matchup = Matchup()
    partial = b""
    step = b"read input"
    try:
        while piece := os.read(fds[0], _PIECE):
            *lines, partial = (partial + piece).split(b"\n")
            step = b"write output"
            fds.write(1, b"".join(matchup.feed(line + b"\n") for line in lines))
            step = b"read input"
        step = b"write fd 5"
        os.fstat(fds[_PENDING])
        fds.write(_PENDING, matchup.pending() + partial)
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to " + step, error)
    return 0
