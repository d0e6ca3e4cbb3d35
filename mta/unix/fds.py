"""The descriptors a program was given. A program started by exec has 0, 1, 2 ...; one called by a test or a warm parent is told which
descriptors stand for them. fds[0] is the descriptor to read for "descriptor 0"."""

from __future__ import annotations

import os


class Fds(dict[int, int]):
    """{number the program's manual speaks of: descriptor}; a number not named stands for itself."""

    def __missing__(self, number: int) -> int:
        return number

    def write(self, number: int, data: bytes) -> None:
        """All of data. Raises OSError."""
        view = memoryview(data)
        fd = self[number]
        while view:
            view = view[os.write(fd, view) :]

    def say(self, text: bytes) -> None:
        """A line for whoever watches (descriptor 2); nobody watching is no trouble."""
        try:
            self.write(2, text)
        except OSError:
            pass
