"""What the programs of qmailanalog have in common: lines of matchup's on descriptor 0, something made of them on descriptor 1.

A last line without its newline counts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from mta.decisions import analog
from mta.formats.analog_line import Line
from mta.formats.sgetopt import BadOption, Options
from mta.unix import say
from mta.unix.fds import Fds

_PIECE = 1 << 16
_MANY = 1000


def lines(fd: int) -> Iterator[bytes]:
    """Each with its newline. Raises OSError."""
    partial = b""
    while piece := os.read(fd, _PIECE):
        *whole, partial = (partial + piece).split(b"\n")
        for line in whole:
            yield line + b"\n"
    if partial:
        yield partial + b"\n"


def report(name: str, argv: list[bytes], fds: Fds) -> int:
    """Be one of the reports -> exit code."""
    program = name.encode()
    most_first = False
    options = Options(argv, "r")
    try:
        for _ in options:
            most_first = True
    except BadOption as error:
        fds.say(b"%b: %b\n" % (program, error.text))
        return say.usage(fds, program, program + b" [ -r ]")
    if options.operands:
        return say.usage(fds, program, program + b" [ -r ]")
    made = analog.REPORTS[name]()
    try:
        for line in lines(fds[0]):
            made.feed(Line(line))
    except OSError as error:
        return say.fatal(fds, program, b"unable to read input", error)
    return write(program, fds, made.write(most_first=most_first))


def write(program: bytes, fds: Fds, data: bytes) -> int:
    """Exit code."""
    try:
        fds.write(1, data)
    except BrokenPipeError:  # whoever reads has seen enough
        return 0
    except OSError as error:
        return say.fatal(fds, program, b"unable to write output", error)
    return 0


def each(program: bytes, fds: Fds, change: Callable[[bytes], bytes]) -> int:
    """Write what change makes of each line -> exit code."""
    source = lines(fds[0])
    while True:
        try:
            some = [line for _, line in zip(range(_MANY), source, strict=False)]
        except OSError as error:
            return say.fatal(fds, program, b"unable to read input", error)
        if not some:
            return 0
        code = write(program, fds, b"".join(map(change, some)))
        if code:
            return code
