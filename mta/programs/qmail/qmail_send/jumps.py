"""When somebody sets the clock, what waits goes on waiting as long as it was to, and no message becomes old, or young, at one blow.

Dates in memory (schedules, the next look at todo/, the sweep) are of the clock, for people read them; when it is set they move with it. The
date of info/N is the message's birth: it moves, too.
Limits   a change below a minute is none; what was set while no qmail-send ran is not known: a birth in the future counts as now
         (decisions/retry), and so does a date for the next attempt that no attempt would have led to (passes.adopt)
Source   qmail-send.c believes its clock: set back by a day, it tries nothing again for that day; set ahead by a week, it gives up all mail
"""

from __future__ import annotations

from dataclasses import dataclass

from mta.programs.qmail.qmail_send.core import Core, short

SMALLEST_S = 60


@dataclass(slots=True)
class Watch:
    _ahead_s: float | None = None  # of the clock, before the steady one, at the last look

    def look(self, now_s: int, steady_s: float) -> int:
        """-> by how much the clock was set since the last look; 0: it was not."""
        before_s, self._ahead_s = self._ahead_s, now_s - steady_s
        by_s = 0 if before_s is None else round(self._ahead_s - before_s)
        return by_s if abs(by_s) >= SMALLEST_S else 0


def move(core: Core, by_s: int) -> None:
    """Dates and births of all messages. One that cannot be given its birth keeps the old one."""
    core.say.warning(b"the clock was set %b by %d seconds: all dates move along" % (b"ahead" if by_s > 0 else b"back", abs(by_s)))
    numbers = {*core.done.due, *core.failed_stats.due}
    for channel in core.channels:
        numbers.update(channel.schedule.due, channel.active)
        for job in channel.active.values():
            job.retry_s += by_s
    for schedule in (core.local.schedule, core.remote.schedule, core.done, core.failed_stats, core.removals):
        schedule.move(by_s)
    for messnum in numbers:
        _give_birth(core, core.paths.info(messnum), by_s)


def _give_birth(core: Core, path: bytes, by_s: int) -> None:
    try:
        born_s = max(0, int(core.disk.stat(path).st_mtime) + by_s)
        core.disk.utime(path, (born_s, born_s))
    except FileNotFoundError:
        pass
    except OSError:
        core.say.warning(b"unable to utime %b; its message is older or younger now" % short(path))
