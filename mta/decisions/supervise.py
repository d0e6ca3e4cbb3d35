"""What supervise does next: from the commands it gets, the start and end of its child, and the clock.

Wanted     u up: start again whenever it ends;  d down: let it end;  NUL once: let it end by itself
Starts     at most one a second, whatever ends or is ordered in between; a start that is due waits for that second and can be called off
Commands   u d o p c h a i t k x, one octet each; others mean nothing
Clock      nanoseconds of a clock that never goes back (CLOCK_MONOTONIC): the time of day may be set while a service runs
Source     supervise(8), svc(8)
Loaded by supervise, of which many run: plain classes and C modules only.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]

UP, DOWN, ONCE = b"u", b"d", b"\0"
SPACING_NS = 1_000_000_000
FORK_PAUSE_NS = 60_000_000_000  # supervise.c: the system has no room for a process

_SIGNALS = {
    ord("p"): (_signal.SIGSTOP,),
    ord("c"): (_signal.SIGCONT,),
    ord("h"): (_signal.SIGHUP,),
    ord("a"): (_signal.SIGALRM,),
    ord("i"): (_signal.SIGINT,),
    ord("t"): (_signal.SIGTERM,),
    ord("k"): (_signal.SIGKILL,),
    ord("d"): (_signal.SIGTERM, _signal.SIGCONT),  # a paused child could not end
}


class Service:
    """One supervised service. pid is 0 while it is down."""

    __slots__ = ("_is_due", "_is_leaving", "_not_before_ns", "is_paused", "pid", "want")

    def __init__(self, is_normally_up: bool) -> None:
        self.pid = 0
        self.want = UP if is_normally_up else DOWN
        self.is_paused = False
        self._is_leaving = False
        self._is_due = is_normally_up
        self._not_before_ns = 0

    @property
    def is_over(self) -> bool:
        """Nothing is left to supervise, and we were told to leave then."""
        return self._is_leaving and not self.pid

    def wait_ns(self, now_ns: int) -> int | None:
        """Until the next start: 0 is now, None when none is due."""
        return max(0, self._not_before_ns - now_ns) if self._is_due else None

    def started(self, pid: int, now_ns: int) -> None:
        self.pid = pid
        self.is_paused = False
        self._is_due = False
        self._not_before_ns = now_ns + SPACING_NS

    def start_failed(self, now_ns: int) -> None:
        """There is no child at all: the system refused. (A child that cannot run ./run is one that ends.)"""
        self._not_before_ns = now_ns + FORK_PAUSE_NS

    def ended(self) -> None:
        self.pid = 0
        self.is_paused = False
        self._is_due = self.want == UP and not self._is_leaving

    def command(self, letter: int) -> tuple[int, ...]:
        """-> the signals the child gets, in this order."""
        if letter == ord("u"):
            self._want(UP)
        elif letter == ord("o"):
            self._want(ONCE)
        elif letter == ord("d"):
            self.want = DOWN
            self._is_due = self.is_paused = False
        elif letter == ord("x"):
            self._is_leaving = True
        elif letter in b"pc":
            self.is_paused = letter == ord("p") and self.pid != 0
        return _SIGNALS.get(letter, ()) if self.pid else ()

    def _want(self, what: bytes) -> None:
        self.want = what
        self._is_due = not self.pid
