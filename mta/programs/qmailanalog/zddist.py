"""zddist: how soon most of the mail was delivered.

Usage    zddist [-r] < MATCHED
Reads    fd 0, lines of matchup's (decisions/matchup); all others are passed over
Writes   fd 1: for each percentage from 10 on that was reached: within how many seconds, and how long on average (doneby avg pct); with -r
         the last first
Exits    0; 100 usage; 111 unable to read or write
Limits   what is reported is held in memory, and nothing else
Runs as  anybody
Source   zddist(1); decisions/analog
"""

from __future__ import annotations

from mta.unix import analog_input
from mta.unix.fds import Fds


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    return analog_input.report("zddist", argv, fds)
