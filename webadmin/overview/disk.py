"""How full the disks below the instance are."""

from __future__ import annotations

import os
from dataclasses import dataclass

from webadmin.mirror.install import home

_PLACES = (("the queue", b"queue"), ("mailboxes", b"domains"), ("configuration and logs", b"service"))


@dataclass(frozen=True, slots=True)
class Disk:
    holds: str
    free_bytes: int
    size_bytes: int

    @property
    def percent(self) -> int:
        """Used, of what ordinary users may use."""
        return 100 - 100 * self.free_bytes // self.size_bytes if self.size_bytes else 0


def find() -> list[Disk]:
    """One for each file system."""
    places: dict[int, list[str]] = {}
    paths: dict[int, bytes] = {}
    for words, name in _PLACES:
        path = home() + b"/" + name
        try:
            device = os.stat(path).st_dev
        except OSError:
            continue
        places.setdefault(device, []).append(words)
        paths.setdefault(device, path)
    return [_disk(", ".join(places[device]), path) for device, path in paths.items()]


def _disk(holds: str, path: bytes) -> Disk:
    found = os.statvfs(path)
    used = (found.f_blocks - found.f_bfree) * found.f_frsize
    free = found.f_bavail * found.f_frsize
    return Disk(holds, free, used + free)
