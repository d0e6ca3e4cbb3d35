"""How long is the answer to a login held back? After ten failures in a row for a name or from an address each further try waits longer.

A success for a name forgives that name, not the address: somebody who guesses many accounts owns one of them, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FREE_TRIES = 10
FORGET_S = 15 * 60
DELAY_MAX_S = 30
KEYS_MAX = 100_000  # names and addresses remembered; the oldest go first


@dataclass(slots=True)
class Failures:
    count: int
    last_s: int


@dataclass(slots=True)
class Throttle:
    """Memory of failures: one per key, a key being b"name ..." or b"ip ...". Insertion order is age order."""

    by_key: dict[bytes, Failures] = field(default_factory=dict)

    def delay_s(self, keys: tuple[bytes, ...], now_s: int) -> int:
        """Seconds to wait before the answer is worked out: 0, then 1, 2, 4 ... 30."""
        return max((_delay(self.by_key, key, now_s) for key in keys), default=0)

    def failed(self, keys: tuple[bytes, ...], now_s: int) -> None:
        for key in keys:
            old = self.by_key.pop(key, None)
            count = old.count + 1 if old and now_s - old.last_s <= FORGET_S else 1
            self.by_key[key] = Failures(count, now_s)
        while len(self.by_key) > KEYS_MAX:
            del self.by_key[next(iter(self.by_key))]

    def succeeded(self, name_key: bytes) -> None:
        self.by_key.pop(name_key, None)


def _delay(by_key: Mapping[bytes, Failures], key: bytes, now_s: int) -> int:
    known = by_key.get(key)
    if known is None or now_s - known.last_s > FORGET_S or known.count < FREE_TRIES:
        return 0
    return min(DELAY_MAX_S, 1 << min(known.count - FREE_TRIES, 5))
