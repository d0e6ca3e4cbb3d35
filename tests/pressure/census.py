"""What an appliance's processes use: memory, descriptors, threads, as /proc tells them; and what its queue and logs use on disk.

Memory    PSS: what a process has to itself, and its share of what it has in common with others, so that the sum is what all of them use
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.crash.storm import role


@dataclass(frozen=True, slots=True)
class Use:
    """Of one process, or of several together."""

    pss_kb: int = 0
    descriptors: int = 0
    threads: int = 0
    processes: int = 0

    def __add__(self, other: Use) -> Use:
        return Use(
            self.pss_kb + other.pss_kb,
            self.descriptors + other.descriptors,
            self.threads + other.threads,
            self.processes + other.processes,
        )

    @property
    def mib(self) -> float:
        return round(self.pss_kb / 1024, 1)


def of_process(pid: int) -> Use | None:
    """None: it has ended."""
    proc = Path(f"/proc/{pid}")
    try:
        rollup = dict(_pair(line) for line in (proc / "smaps_rollup").read_text().splitlines()[1:])
        status = dict(_pair(line) for line in (proc / "status").read_text().splitlines())
        return Use(int(rollup["Pss"].split()[0]), len(os.listdir(proc / "fd")), int(status["Threads"]), 1)
    except (OSError, KeyError):
        return None


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value


def by_role(pids: Iterable[int]) -> dict[str, Use]:
    """Programs by name, and "all"."""
    found: dict[str, Use] = {"all": Use()}
    for pid in pids:
        name, use = role(pid), of_process(pid)
        if name is None or use is None:
            continue
        found[name] = found.get(name, Use()) + use
        found["all"] += use
    return found


def own_address() -> str:
    """An address of this machine that is not loopback's; "" where there is none. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
            found = str(sock.getsockname()[0])
        except OSError:
            return ""
    return "" if found.startswith("127.") else found


def disk_kb(folder: Path) -> int:
    """What the files below a folder take, as du counts."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(path, name)).st_blocks
            except FileNotFoundError:  # it has just been worked off
                continue
    return total // 2
