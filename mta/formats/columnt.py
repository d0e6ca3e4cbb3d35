"""Lines of words -> a table: each column is as wide as its widest word and stands to the right, but for the last one of all.

Example  b"n name\\n10 joe x\\n" is b" n  name  \\n10   joe  x\\n"
Source   columnt.c of qmailanalog
"""

from __future__ import annotations

from collections.abc import Iterable


def table(lines: Iterable[bytes]) -> bytes:
    rows = [line.split() for line in lines]
    widths = [0] * max((len(row) for row in rows), default=0)
    for row in rows:
        for i, word in enumerate(row):
            widths[i] = max(widths[i], len(word))
    return b"".join(_row(row, widths) for row in rows)


def _row(row: list[bytes], widths: list[int]) -> bytes:
    last = len(widths) - 1
    return b"".join(word if i == last else word.rjust(widths[i]) + b"  " for i, word in enumerate(row)) + b"\n"
