"""What ps, top and pgrep call this process, for those that were forked rather than started: all copies of one command line tell nothing.

The kernel shows the bytes of the first argument area as the command line (ps) and 15 bytes of its own as the name (top, pgrep, killall).
It is a courtesy: where /proc is missing or closed, nothing happens.
Limits   no longer than the command line the process was started with
Source   proc(5): cmdline, comm, stat fields 48 and 49
"""

from __future__ import annotations

import os


def set_(words: list[bytes]) -> None:
    """words: the command line to show, e.g. [b"supervise", b"qmail-send"]."""
    try:
        _write(b"/proc/self/comm", 0, words[0][:15])
        fd = os.open(b"/proc/self/stat", os.O_RDONLY | os.O_CLOEXEC)
        try:
            fields = os.read(fd, 4096).rpartition(b")")[2].split()  # begins with field 3; the name before it may hold anything
        finally:
            os.close(fd)
        start, end = int(fields[45]), int(fields[46])
        text = b"\0".join(words)[: end - start - 1]
        _write(b"/proc/self/mem", start, text.ljust(end - start, b"\0"))
    except (OSError, IndexError, ValueError):  # see the head: a courtesy
        pass


def _write(path: bytes, at: int, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        if at:
            os.lseek(fd, at, os.SEEK_SET)
        os.write(fd, data)
    finally:
        os.close(fd)
