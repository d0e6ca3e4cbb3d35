"""When is a message tried again, and when is it given up? Attempts are spaced by squares: (skip x k)^2 seconds after its birth.

Example  age 6 s: isqrt(6) is 2, so the next local attempt is at age (2 + 10)^2 = 144, the next remote one at (2 + 20)^2 = 484
Source   qmail-send(8), qmail-send.c nextretry and squareroot
"""

from __future__ import annotations

from math import isqrt

SKIP = {b"local": 10, b"remote": 20}


def next_retry(birth_s: int, now_s: int, channel: bytes) -> int:
    """Moment of the attempt after the one that starts now. A birth in the future (the clock went back) counts as now."""
    age_s = max(0, now_s - birth_s)
    return now_s - age_s + (isqrt(age_s) + SKIP[channel]) ** 2


def is_dying(birth_s: int, now_s: int, queuelifetime_s: int) -> bool:
    """True: this attempt is the last one, and what it defers has failed."""
    return now_s > birth_s + queuelifetime_s
