"""Kills at every call: what a program does on disk is done again and again, each time stopped at another place, and looked at.

    points = sweep(tmp_path, prepare, act, check)
prepare(root) makes the files in an empty folder. act(root) changes them, in a fork that is killed before a call, after it, or in the middle
of a write. check(root, is_done) looks at what is left, is_done when nobody was killed; then act runs once more, unharmed, and check must
find it done. (tests/crash/kill_point tells which calls count.)
"""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.crash import kill_point

_WRITES = ("write", "writev", "pwrite")
Act = Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Point:
    """Where to die: the times-th time somebody comes to a site."""

    how: str
    times: int
    site: str

    @property
    def call(self) -> str:
        return self.site.split(" ")[1]

    def __str__(self) -> str:
        return f"{self.how} {self.times} {self.site}"


class Plan:
    """The folder that kill_point speaks of. Processes of any user may use it."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = folder
        folder.mkdir()
        folder.chmod(0o777)
        (folder / "root").write_bytes(os.fsencode(root))

    def begin(self, point: Point | None) -> None:
        for name in ("calls", "kill", "died"):
            (self.folder / name).unlink(missing_ok=True)
        calls = self.folder / "calls"
        calls.touch()
        calls.chmod(0o666)
        if point is not None:
            (self.folder / "kill").write_text(str(point))

    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()

    @property
    def has_killed(self) -> bool:
        return (self.folder / "died").exists()


def points(calls: list[str], times: int = 1 << 30) -> list[Point]:
    """Every way to die in a run that made those calls. times: so many visits of one site at most."""
    found = []
    seen: Counter[str] = Counter()
    for site in calls:
        seen[site] += 1
        if seen[site] <= times:
            hows = ("before", "half", "after") if site.split(" ")[1] in _WRITES else ("before", "after")
            found += [Point(how, seen[site], site) for how in hows]
    return found


def sweep(folder: Path, prepare: Act, act: Act, check: Callable[[Path, bool], None]) -> int:
    """-> how many kills there were."""
    root = folder / "root"
    plan = Plan(folder / "plan", root)
    wanted: list[Point | None] = [None]
    for point in wanted:
        root.mkdir(mode=0o755)
        prepare(root)
        plan.begin(point)
        _fork(plan, act, root)
        assert plan.has_killed == (point is not None), f"nobody came to {point}"
        try:
            check(root, point is None)
            if point is None:
                wanted += points(plan.calls())
            else:
                plan.begin(None)
                _fork(plan, act, root)
                check(root, True)
        except BaseException as error:
            error.add_note(f"killed {point}")
            raise
        shutil.rmtree(root)
    return len(wanted) - 1


def _fork(plan: Plan, act: Act, root: Path) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            kill_point.arm(os.fsencode(plan.folder), "it")
            act(root)
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL and plan.has_killed
    else:
        assert os.WEXITSTATUS(status) == 0, "it failed"
