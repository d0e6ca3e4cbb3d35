"""A line of matchup's, word by word, and numbers as awk has them: the reports of qmailanalog were written in it.

Line      m BIRTH DONE BYTES NK ND NZ <SENDER> QP UID, or d LETTER BIRTH START DONE BYTES <SENDER> CHANNEL.RECIPIENT QP UID REPORT
          (decisions/matchup); words are counted from 1, those that are not there are empty
Number    the beginning of a word that is one; else 0. Written: whole ones with all their digits, others with six.
Example   Line(b"m 1.5 2.5 295 1 0 0 <joe@x.y> 2203 1000\\n").number(3) is 2.5
Written   by matchup.   Read by the programs whose names begin with z and x, and isoqlog.
Source    matchup(1), awk(1)
"""

from __future__ import annotations

import re

_NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_EXACT = 1 << 53


class Line:
    __slots__ = ("_words", "kind")

    def __init__(self, line: bytes) -> None:
        self._words = line.split()
        self.kind = line[:3]

    @property
    def is_message(self) -> bool:
        return self.kind.startswith(b"m")

    @property
    def is_delivery(self) -> bool:
        return self.kind.startswith(b"d")

    def is_outcome(self, letter: bytes) -> bool:
        """letter: k, d or z."""
        return self.kind == b"d " + letter

    def word(self, i: int) -> bytes:
        return self._words[i - 1] if i <= len(self._words) else b""

    def number(self, i: int) -> float:
        return number(self.word(i))


def number(word: bytes) -> float:
    found = _NUMBER.match(word)
    return float(found[0]) if found else 0.0


def show(value: float) -> bytes:
    return b"%d" % value if value == int(value) and abs(value) < _EXACT else b"%.6g" % value
