"""What ps, top and pgrep call this process, for those that were forked rather than started: all copies of one command line tell nothing.

The kernel shows the bytes of the first argument area as the command line (ps) and 15 bytes of its own as the name (top, pgrep, killall).
It is a courtesy: where /proc is missing or closed, nothing happens.
Limits   no longer than the command line the process was started with
Source   proc(5): cmdline, comm, stat fields 48 and 49
"""

from __future__ import annotations


def set_(words: list[bytes]) -> None:
    """words: the command line to show, e.g. [b"supervise", b"qmail-send"]."""
    try:
        with open("/proc/self/comm", "wb", buffering=0) as comm:
            comm.write(words[0][:15])
        with open("/proc/self/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()  # begins with field 3; the name before it may hold anything
        start, end = int(fields[45]), int(fields[46])
        text = b"\0".join(words)[: end - start - 1]
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            memory.seek(start)
            memory.write(text.ljust(end - start, b"\0"))
    except (OSError, IndexError, ValueError):  # see the head: a courtesy
        pass
