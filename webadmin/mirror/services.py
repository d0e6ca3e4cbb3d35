"""The supervised services of the instance: what each is doing (formats/supervise_status), and the end of its log.

Limits   of a log the last 200 lines, and no more than the last 128 KiB of the file that is being written
Bugs     a service whose supervise was killed is told by its process alone: a process that took its number would be taken for it
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from mta.formats import supervise_status, tai64n
from webadmin.mirror.install import home

JUST_NOW_S = 60
LINES_MAX, TAIL_SIZE = 200, 128 << 10
_DOES = re.compile(rb"^# ([^\n]*?)\. Made by", re.MULTILINE)  # the head of service/NAME/run


@dataclass(frozen=True, slots=True)
class Service:
    """state: up, started (just now), paused, down (and meant to be up), stopped (and meant to be), unknown (no supervise ever ran)."""

    name: str
    does: str
    state: str
    since: datetime | None
    pid: int

    @property
    def is_well(self) -> bool:
        return self.state in ("up", "started", "stopped")


def find() -> list[Service]:
    """All of them, by name."""
    folder = home() + b"/service"
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith(b"."))
    except OSError:
        return []
    return [_look(folder + b"/" + name, time.time()) for name in names]


def _look(folder: bytes, now: float) -> Service:
    name = os.fsdecode(os.path.basename(folder))
    does = _DOES.search(_head(folder + b"/run"))
    words = does[1].decode("utf-8", "replace") if does else ""
    try:
        status = supervise_status.read(_head(folder + b"/supervise/status"))
        since = datetime.fromtimestamp(status.when_ns / 1e9, UTC)
    except (ValueError, OverflowError, OSError):  # cut short, or no time at all
        return Service(name, words, "unknown", None, 0)
    return Service(name, words, _state(status, folder, now - status.when_ns / 1e9), since, status.pid)


def _state(status: supervise_status.Status, folder: bytes, age_s: float) -> str:
    is_up = status.pid != 0 and os.path.exists(f"/proc/{status.pid}")
    if not is_up:
        is_meant = status.want == b"d" or (status.want != b"u" and os.path.exists(folder + b"/down"))
        return "stopped" if is_meant and not status.pid else "down"
    if status.is_paused:
        return "paused"
    return "started" if age_s < JUST_NOW_S else "up"


def _head(path: bytes, size: int = 4096) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(size)
    except OSError:
        return b""


# -- logs --------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    when: datetime | None
    text: str


def has_log(name: str) -> bool:
    return any(service.name == name for service in find())


def tail(name: str) -> list[Line]:
    """name: of one of find(). The last lines of its log, the newest last. Raises OSError."""
    with open(home() + b"/service/" + os.fsencode(name) + b"/log/main/current", "rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - TAIL_SIZE))
        data = file.read(TAIL_SIZE)
    rows = data.split(b"\n")
    if size > TAIL_SIZE:
        rows = rows[1:]  # begins in the middle
    if rows and not rows[-1]:
        rows.pop()
    return list(_lines(rows[-LINES_MAX:]))


def _lines(rows: list[bytes]) -> Iterator[Line]:
    for row in rows:
        label, _, text = row.partition(b" ")
        try:
            when = datetime.fromtimestamp(tai64n.read(label) / 1e9, UTC)
        except (ValueError, OverflowError, OSError):
            when, text = None, row
        yield Line(when, text.decode("utf-8", "backslashreplace"))
