"""Whose login is checked when? The throttle's delays as waiting times, and no more than a few checks at once for a name or an address.

Rules    a request waits as many seconds as decisions/throttle says, counted from its arrival. At most RUNNING_MAX checks of one name or of
         one address run at a time, so that a burst of guesses is over the free tries before it is through, and at most DELAYED_MAX
         requests of a kind wait out a delay; further ones are sent away. IPv6 addresses count by their /64, which is what one site has.
Source   decisions/throttle
"""

from __future__ import annotations

import socket
from collections import Counter
from dataclasses import dataclass, field

from mta.decisions import login_name
from mta.decisions.throttle import Throttle

RUNNING_MAX = 10
DELAYED_MAX = 20
WAITING_MAX = 1000


@dataclass(slots=True, eq=False)
class Turn:
    """One request's place. keys: what it is counted under."""

    keys: tuple[bytes, ...]
    arrived_s: int


def keys(name: bytes, ip: bytes) -> tuple[bytes, ...]:
    """The name first: a success forgives it."""
    name_key = b"name " + login_name.same(name)
    return (name_key, b"ip " + _network(ip)) if ip else (name_key,)


def _network(ip: bytes) -> bytes:
    if b":" not in ip:
        return ip
    try:
        return socket.inet_pton(socket.AF_INET6, ip.decode("latin-1"))[:8]
    except OSError:
        return ip


@dataclass(slots=True)
class Turns:
    """Times are seconds of any clock that does not go back."""

    throttle: Throttle = field(default_factory=Throttle)
    waiting: list[Turn] = field(default_factory=list)
    running: Counter[bytes] = field(default_factory=Counter)

    def add(self, turn: Turn) -> bool:
        """False: too many wait already."""
        if len(self.waiting) >= WAITING_MAX:
            return False
        if self.throttle.delay_s(turn.keys, turn.arrived_s):
            alike = Counter(key for other in self.waiting for key in other.keys)
            if any(alike[key] >= DELAYED_MAX for key in turn.keys):
                return False
        self.waiting.append(turn)
        return True

    def forget(self, turn: Turn) -> None:
        """Nobody waits for its answer any more."""
        if turn in self.waiting:
            self.waiting.remove(turn)

    def due(self, now_s: int) -> list[Turn]:
        """Those whose turn has come, in order of arrival; they run from now on."""
        found = []
        for turn in self.waiting:
            if self._at_s(turn, now_s) <= now_s and all(self.running[key] < RUNNING_MAX for key in turn.keys):
                self.running.update(turn.keys)
                found.append(turn)
        for turn in found:
            self.waiting.remove(turn)
        return found

    def _at_s(self, turn: Turn, now_s: int) -> int:
        return turn.arrived_s + self.throttle.delay_s(turn.keys, now_s)

    def next_s(self, now_s: int) -> int | None:
        """When the next delay is over; None: what waits, waits for a check to end."""
        return min((at_s for turn in self.waiting if (at_s := self._at_s(turn, now_s)) > now_s), default=None)

    def ended(self, turn: Turn, now_s: int, *, is_right: bool | None) -> None:
        """is_right: None when nobody knows."""
        for key in turn.keys:
            self.running[key] -= 1
            if not self.running[key]:
                del self.running[key]
        if is_right:
            self.throttle.succeeded(turn.keys[0])
        elif is_right is not None:
            self.throttle.failed(turn.keys, now_s)
