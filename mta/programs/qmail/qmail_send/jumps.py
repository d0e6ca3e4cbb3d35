"""When somebody sets the clock, what waits goes on waiting as long as it was to, and nobody's mail becomes old at one blow.

Dates in memory (schedules, the next look at todo/, the sweep) are of the clock, for people read them; when it is set they move with it.
Files keep the date of their making: one made before the clock was set forward counts as so much younger, as long as this process knows of
it. One from the future, after the clock was set back, counts as new (decisions/retry): it is given up late rather than early.
Limits   a change below a minute is none; what was set while no qmail-send ran is not known
Source   qmail-send.c believes its clock: set back by a day, it tries nothing again for that day
"""

from __future__ import annotations

from dataclasses import dataclass, field

SMALLEST_S = 60


@dataclass(slots=True)
class Jumps:
    _ahead_s: float | None = None  # of the clock, before the steady one, at the last look
    _forward: list[tuple[int, int]] = field(default_factory=list)  # (files made until then, are younger by so much), the latest last

    def look(self, now_s: int, steady_s: float) -> int:
        """-> by how much the clock was set since the last look; 0: it was not."""
        before_s, self._ahead_s = self._ahead_s, now_s - steady_s
        by_s = 0 if before_s is None else round(self._ahead_s - before_s)
        if abs(by_s) < SMALLEST_S:
            return 0
        if by_s > 0:
            self._forward.append((now_s - by_s, by_s))
        else:
            self._take_back(-by_s)
        return by_s

    def _take_back(self, left_s: int) -> None:
        """A clock that was set wrong, and right again, leaves nothing."""
        while left_s > 0 and self._forward:
            until_s, by_s = self._forward.pop()
            if by_s > left_s:
                self._forward.append((until_s, by_s - left_s))
            left_s -= by_s

    def birth(self, made_s: int) -> int:
        """When a file came into being, by the clock as it goes now."""
        for until_s, by_s in self._forward:
            if made_s <= until_s:
                made_s += by_s
        return made_s
