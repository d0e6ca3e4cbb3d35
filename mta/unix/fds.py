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


def occupy() -> None:
    """In a process of our own: descriptors 0, 1 and 2 that were closed to us stay of no use, and their numbers go to no file of ours. What
    we read from 0 would else be a control file, or what we say on 2 part of a message."""
    for number, flags in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_RDONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open("/dev/null", flags)  # the lowest number that is free, which is this one; a program we become finds it closed again
