"""zoverall: how many messages, recipients, attempts, and how long they took.

Usage    zoverall < MATCHED
Reads    fd 0, lines of matchup's (decisions/matchup); all others are passed over
Writes   fd 1: counts and averages of all messages and deliveries
Exits    0; 100 usage; 111 unable to read or write
Limits   none
Runs as  anybody
Source   zoverall(1); decisions/analog
"""

from __future__ import annotations

from mta.unix import analog_input
from mta.unix.fds import Fds


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    return analog_input.report("zoverall", argv, fds)
