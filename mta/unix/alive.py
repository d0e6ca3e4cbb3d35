"""Is the process that wrote this still there? A process is known by its machine, the boot of that machine, its number and its start.

Example  b"mx1 0a6ed2dc-8f0b-4f0e-9d3e-5a3d4a2b1c00 812 104523"
Limits   only processes of this machine (and, with containers, of this container: another one has another name) can be told to be gone
Source   proc(5): /proc/PID/stat field 22, /proc/sys/kernel/random/boot_id
"""

from __future__ import annotations

import os

_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def me() -> bytes:
    return _name(os.getpid(), _start(os.getpid()) or b"0")


def is_gone(name: bytes) -> bool:
    """True only when that is certain."""
    words = name.split(b" ")
    if len(words) != 4 or words[0] != _host() or not words[2].isdigit():
        return False
    if words[1] != _boot():
        return True
    pid = int(words[2])
    start = _start(pid)
    return start is None or _name(pid, start) != name


def _name(pid: int, start: bytes) -> bytes:
    return b"%b %b %d %b" % (_host(), _boot(), pid, start)


def _host() -> bytes:
    return os.fsencode(os.uname().nodename).replace(b" ", b"_")


def _boot() -> bytes:
    with open(_BOOT_ID, "rb") as file:
        return file.read().strip()


def _start(pid: int) -> bytes | None:
    """None: there is no such process, or only what its parent has not yet heard of."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in (b"Z", b"X") else fields[19]
