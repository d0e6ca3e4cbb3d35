"""A clock that a test may set, for every program of a plane, without touching the machine's.

    clock = Clock(folder / "clock"); clock.install(plane)     # before the plane starts
    clock.set(-86400)         # somebody sets the clock back by a day
    clock.let_pass(400)       # time goes by for everybody: both clocks, the one that can be set and the steady one
Programs  ask for the time in Python, or look at dates of files. Both answer by the clock as it was set: a file made before it was set has a
          date of the old clock, as on a machine whose clock is set. Waiting (select) takes as long as ever: who is to notice that time has
          passed must be woken.
Runs in   programs that start without site packages, too: os, time, mmap, struct
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.crash.faults_plane import Plane

_SIZE = 4096
_HEAD = struct.Struct("<qq")  # how many settings there were, seconds that the steady clock is ahead
_SETTING = struct.Struct("<qq")  # from this moment of the machine's clock (ns) on, so many seconds ahead
_EXPLICIT_NS = 123_456_789  # of a date that a program gave a file: it means what it says
_GIGA = 1_000_000_000
_ARM = "from tests.crash import faults_clock\nfaults_clock.arm({path!r})\n"

_time_ns, _gettime = time.time_ns, time.clock_gettime


class Clock:
    """path: the file that says how the clock was set."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.write_bytes(bytes(_SIZE))
        path.chmod(0o644)
        self._settings: list[tuple[int, int]] = []
        self._passed_s = 0

    @property
    def ahead_s(self) -> int:
        return self._settings[-1][1] if self._settings else 0

    def now_s(self) -> float:
        return time.time() + self.ahead_s

    def install(self, plane: Plane) -> None:
        """Into every program, but for svscan, which starts as forks of itself only what lies in bin/ as it was put there."""
        for path in (plane.home / "bin").iterdir():
            before, marker, after = path.read_text().partition("from mta import runner\n")
            if marker and path.name != "svscan":
                path.write_text(before + marker + _ARM.format(path=str(self._path)) + after)

    def set(self, by_s: int) -> None:
        self._settings.append((_time_ns(), self.ahead_s + by_s))
        self._write()

    def let_pass(self, by_s: int) -> None:
        self._passed_s += by_s
        self.set(by_s)

    def _write(self) -> None:
        """The number of settings last."""
        with self._path.open("r+b") as file:
            file.seek(_HEAD.size)
            file.write(b"".join(_SETTING.pack(*one) for one in self._settings))
            file.flush()
            file.seek(0)
            file.write(_HEAD.pack(len(self._settings), self._passed_s))


# -- inside a program --------------------------------------------------------------------------------------------------------------


class _Armed:
    told: mmap.mmap


def arm(path: str) -> None:
    """From now on."""
    fd = os.open(path, os.O_RDONLY)
    _Armed.told = mmap.mmap(fd, _SIZE, prot=mmap.PROT_READ)
    os.close(fd)
    from mta.unix import clock
    from mta.unix.disk import Disk

    time.time_ns = clock.now_ns = lambda: _set(_time_ns())
    time.time = lambda: _set(_time_ns()) / _GIGA
    time.clock_gettime = _clock
    for name in ("stat", "lstat", "fstat"):
        setattr(os, name, _dated(getattr(os, name)))
        setattr(Disk, name, staticmethod(getattr(os, name)))
    os.utime = _dating(os.utime)  # type: ignore[assignment]
    Disk.utime = staticmethod(os.utime)


def _set(machine_ns: int) -> int:
    """A moment of the machine's clock by the one that was set."""
    count, _ = _HEAD.unpack_from(_Armed.told)
    for i in reversed(range(count)):
        from_ns, ahead_s = _SETTING.unpack_from(_Armed.told, _HEAD.size + i * _SETTING.size)
        if machine_ns >= from_ns:
            return int(machine_ns + ahead_s * _GIGA)
    return machine_ns


def _clock(which: int) -> float:
    if which == time.CLOCK_REALTIME:
        return _set(_time_ns()) / _GIGA
    ahead_s = _HEAD.unpack_from(_Armed.told)[1] if which == time.CLOCK_BOOTTIME else 0
    return _gettime(which) + float(ahead_s)


def _dated(call: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
    def dated(*given: Any, **named: Any) -> os.stat_result:
        found = call(*given, **named)
        dates = {name: _date(getattr(found, f"st_{name}_ns")) for name in ("atime", "mtime", "ctime")}
        whole = [*found[:7], *(ns // _GIGA for ns in dates.values())]
        exact = {f"st_{name}": ns / _GIGA for name, ns in dates.items()} | {f"st_{name}_ns": ns for name, ns in dates.items()}
        return os.stat_result(whole, {**exact, "st_blksize": found.st_blksize, "st_blocks": found.st_blocks, "st_rdev": found.st_rdev})

    return dated


def _date(ns: int) -> int:
    return ns if ns % _GIGA == _EXPLICIT_NS else _set(ns)


def _dating(call: Callable[..., None]) -> Callable[..., None]:
    def dating(path: Any, times: tuple[float, float] | None = None, **named: Any) -> None:
        if times is None:
            call(path, **named)
            return
        call(path, ns=(int(times[0]) * _GIGA + _EXPLICIT_NS, int(times[1]) * _GIGA + _EXPLICIT_NS), **named)

    return dating
