"""zrxdelay: the best order of recipients for a mailing list.

Usage    zrxdelay [-r] < MATCHED
Reads    fd 0, lines of matchup's (decisions/matchup); all others are passed over
Writes   fd 1: a line for each recipient: how long an attempt takes on average, and of how many (avg tries recipient); the quickest first,
         with -r the slowest first
Exits    0; 100 usage; 111 unable to read or write
Limits   what is reported is held in memory, and nothing else
Runs as  anybody
Source   zrxdelay(1); decisions/analog
"""

from __future__ import annotations

from mta.unix import analog_input
from mta.unix.fds import Fds


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    return analog_input.report("zrxdelay", argv, fds)
