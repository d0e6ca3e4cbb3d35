"""Where multilog ends a log file and begins the next, and which old ones go.

Rule     A file ends at the first line end from size - 2000 octets on; a line too long for that is cut when size is reached.
         NUMBER files in all, current among them: the oldest finished ones (their names are times) go.
Source   multilog(8)
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

MARGIN = 2000
_NAME_MIN = 25  # "@" and 24 digits; what follows says how it ended


def is_full(used: int, size: int, last: bytes) -> bool:
    """used: octets in the file; last: the last of them. True: end it before anything else is written."""
    return used >= size or (used >= size - MARGIN and last == b"\n")


def next_end(data: bytes, at: int, used: int, size: int) -> int:
    """data[at:] is to be written to a file of used octets that is not full -> how far of data belongs into it."""
    limit = min(len(data), at + size - used)
    line_end = data.find(b"\n", max(at, at + size - MARGIN - used - 1), limit)
    return line_end + 1 if line_end >= 0 else limit


def surplus(names: Iterable[bytes], number: int) -> list[bytes]:
    """Names in the directory -> those to remove, oldest first, so that with current there are NUMBER files."""
    old = sorted(name for name in names if name[:1] == b"@" and len(name) >= _NAME_MIN)
    return old[: max(0, len(old) - number + 1)]
