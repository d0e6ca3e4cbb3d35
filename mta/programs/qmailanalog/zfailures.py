"""zfailures: why deliveries failed.

Usage    zfailures [-r] < MATCHED
Reads    fd 0, lines of matchup's (decisions/matchup); all others are passed over
Writes   fd 1: a line for each report: how often, how long it took, the report (del xdelay reason); the least xdelay first, with -r the
         busiest first
Exits    0; 100 usage; 111 unable to read or write
Limits   what is reported is held in memory, and nothing else
Runs as  anybody
Source   zfailures(1); decisions/analog
"""

from __future__ import annotations

from mta.unix import analog_input
from mta.unix.fds import Fds


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    return analog_input.report("zfailures", argv, fds)
