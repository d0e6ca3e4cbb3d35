"""The clock of this machine, at the edge: everything below takes the time as an argument."""

from __future__ import annotations

import time


def now_s() -> int:
    return int(time.time())


def steady_s() -> float:
    """Seconds since the machine started, sleep included: goes on evenly when somebody sets the clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


now_ns = time.time_ns
