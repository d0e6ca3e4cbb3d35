"""Lines of a .qmail file -> what to do, in order.

A line that may not be obeyed (a blank first line; a delivery where only forwards may stand) fails when its turn comes, not before: what
stands above it has then been done, as with the original.
Source   dot-qmail(5), qmail-local.c main
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mta.errors import Temporary
from mta.formats.dotqmail import Kind, Line

_DELIVERIES = {Kind.MAILDIR: "file", Kind.MBOX: "file", Kind.PROGRAM: "prog"}


def steps(lines: Iterable[Line], *, is_forward_only: bool) -> Iterator[Line]:
    """The lines that do something: MAILDIR, MBOX, PROGRAM and FORWARD. Raises Temporary at a line that may not be obeyed."""
    for line in lines:
        if line.kind is Kind.BLANK_FIRST:
            raise Temporary("Uh-oh: first line of .qmail file is blank. (#4.2.1)")
        if line.kind is Kind.FORWARD_ONLY:
            is_forward_only = True
        elif line.kind in _DELIVERIES:
            if is_forward_only:
                raise Temporary(f"Uh-oh: .qmail has {_DELIVERIES[line.kind]} delivery but has x bit set. (#4.7.0)")
            yield line
        elif line.kind is Kind.FORWARD:
            yield line


# Exit codes of a |command (qmail-command(8)): 0 go on, 99 go no further, these bounce, everything else tries again.
STOP = 99
PERMANENT_EXITS = frozenset((100, 64, 65, 70, 76, 77, 78, 112))


def command_exit(code: int) -> int:
    """Exit code of a command -> 0, 99, 100 or 111."""
    if code in (0, STOP):
        return code
    return 100 if code in PERMANENT_EXITS else 111
