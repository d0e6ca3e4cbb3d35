"""The last argument of this process as ps(1) shows it, for a program that keeps changing it: readproctitle.

The kernel shows the bytes the argument area holds; they are written through /proc/self/mem.
Limits   the length the argument had at the start
Source   proc(5): cmdline, stat fields 48 and 49
"""

from __future__ import annotations

import os


class LastArgument:
    """text: what the last argument is. Raises OSError without /proc, ValueError when the argument area does not end with it."""

    __slots__ = ("_memory", "_place")

    def __init__(self, text: bytes) -> None:
        with open("/proc/self/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()  # begins with field 3; the name before it may hold anything
        self._place = int(fields[46]) - 1 - len(text)
        self._memory = os.open("/proc/self/mem", os.O_RDWR)
        if os.pread(self._memory, len(text) + 2, self._place - 1) != b"\0%b\0" % text:
            raise ValueError("the argument area holds something else")

    def show(self, text: bytes) -> None:
        """text: of the length there was."""
        os.pwrite(self._memory, text, self._place)
