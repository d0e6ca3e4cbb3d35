"""The clock of this machine, at the edge: everything below takes the time as an argument."""

from __future__ import annotations

import time


def now_s() -> int:
    return int(time.time())


now_ns = time.time_ns
