"""The addresses of a From, To or Cc field, as a mail reader takes them: what people write, not what the grammar allows.

Entries  phrase <address>, address (comment), address; parted by commas or semicolons; "name: a, b;" is a group, its name is dropped.
Names    as they stand, quotes and backslashes taken off; encoded words (RFC 2047) are left to whoever makes text of them.
Doubt    is_odd: the entry holds a NUL, two addresses, or text behind its address. The address is then the first in angle brackets, which
         is where a reply would go; a reader must be shown it and not only the name.
Example  b'"A, B" <ab@h>, joe@h (Joe)' is (b"A, B", b"ab@h"), (b"Joe", b"joe@h")
Limits   10 000 entries; the rest is not read. Linear; nothing recurses.
Strict reading, to rewrite what users send, is formats/token822.
Source   RFC 5322 3.4
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

_Piece = tuple[bytes, bool]  # as it stands; is it a quoted string?
ENTRIES_MAX = 10_000
_PLAIN = re.compile(rb'[^"(<\[,;:]++')
_LETTERS = re.compile(rb"[^,;:]++")
_QUOTED = re.compile(rb'"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
_ANGLE = re.compile(rb'<((?:[^"<>]++|"(?:[^"\\]++|\\.)*+")*+)>', re.DOTALL)
_LITERAL = re.compile(rb"\[[^\[\]]*+\]")
_IN_COMMENT = re.compile(rb"[^()\\]++|\\.?|[()]", re.DOTALL)
_UNQUOTE = re.compile(rb"\\(.?)", re.DOTALL)
_BLANKS = re.compile(rb"[ \t\r\n]++")
_COMMENT = re.compile(rb"\([^()]*+\)")
_AROUND_MARKS = re.compile(rb" ?([@.]) ?")
# An opening mark that is never closed is a letter. Looking for its end costs up to REACH octets, so it is done PATIENCE times in vain at
# most; from then on all opening marks are letters.
_REACH = 1 << 16
_PATIENCE = 32


@dataclass(frozen=True, slots=True)
class Entry:
    name: bytes
    address: bytes  # b"" when the entry has none
    is_odd: bool = False


def read(text: bytes) -> list[Entry]:
    """Never raises. Entries without name and address are left out."""
    return _Reader(text).read()


class _Reader:
    __slots__ = ("_angles", "_at", "_comment", "_found", "_has_at", "_is_behind", "_patience", "_phrase", "_text")

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._at = 0
        self._found: list[Entry] = []
        self._patience = _PATIENCE
        self._clear()

    def _clear(self) -> None:
        self._phrase: list[_Piece] = []
        self._has_at = False
        self._angles: list[bytes] = []
        self._comment = b""
        self._is_behind = False  # is there text behind the angle brackets?

    def read(self) -> list[Entry]:
        text, size = self._text, len(self._text)
        while self._at < size and len(self._found) < ENTRIES_MAX:
            plain = (_PLAIN if self._patience else _LETTERS).match(text, self._at)
            if plain is not None:
                self._say(plain[0])
            else:
                self._special(text[self._at : self._at + 1])
        self._flush()
        return self._found

    def _say(self, words: bytes) -> None:
        self._add(words, False)
        self._has_at = self._has_at or b"@" in words

    def _add(self, text: bytes, is_quoted: bool) -> None:
        self._phrase.append((text, is_quoted))
        self._at += len(text)
        if self._angles and text.strip():
            self._is_behind = True

    def _special(self, mark: bytes) -> None:
        """At one of the marks that a plain run ends at."""
        if mark in (b",", b";"):
            self._flush()
            self._at += 1
        elif mark == b":" and not self._angles and not self._has_at:
            self._clear()  # it was the name of a group
            self._at += 1
        elif mark == b":":
            self._say(mark)
        elif not self._enclosed(mark):
            self._patience -= 1
            self._say(mark)

    def _enclosed(self, mark: bytes) -> bool:
        """Take what the mark opens. False: it is not closed."""
        if mark == b"(":
            return self._take_comment()
        pattern = {b'"': _QUOTED, b"[": _LITERAL, b"<": _ANGLE}[mark]
        found = pattern.match(self._text, self._at, self._at + _REACH)
        if found is None:
            return False
        if mark == b"<":
            self._angles.append(found[1])
            self._at = found.end()
        else:
            self._add(found[0], mark == b'"')
        return True

    def _take_comment(self) -> bool:
        level = 0
        for found in _IN_COMMENT.finditer(self._text, self._at, self._at + _REACH):
            level += {b"(": 1, b")": -1}.get(found[0], 0)
            if not level:
                self._comment = self._comment or _UNQUOTE.sub(rb"\1", self._text[self._at + 1 : found.end() - 1])
                self._at = found.end()
                return True
        return False

    def _flush(self) -> None:
        """The entry at hand is complete."""
        phrase = _merged(self._phrase)
        if self._angles:
            name, address = _name(phrase), _address(self._angles[0])
            is_odd = len(self._angles) > 1 or self._is_behind
        else:
            name, address = _bare(phrase)
            is_odd = False
        name = name or _squeeze(self._comment)
        if name or address:
            self._found.append(Entry(name, address, is_odd or b"\0" in name or b"\0" in address))
        self._clear()


def _merged(pieces: list[_Piece]) -> list[_Piece]:
    """Neighbours that are not quoted become one, single blanks in it."""
    found: list[_Piece] = []
    for is_quoted, group in groupby(pieces, key=itemgetter(1)):
        if is_quoted:
            found += group
        else:
            found.append((_BLANKS.sub(b" ", b"".join(text for text, _ in group)), False))
    return found


def _name(phrase: list[_Piece]) -> bytes:
    """The words of a phrase, quotes taken off."""
    return _squeeze(b"".join(_UNQUOTE.sub(rb"\1", text[1:-1]) if is_quoted else text for text, is_quoted in phrase))


def _squeeze(text: bytes) -> bytes:
    return _BLANKS.sub(b" ", text).strip()


def _address(text: bytes) -> bytes:
    """What stands between angle brackets, without comments, blanks around "@" and "." and a source route."""
    address = _AROUND_MARKS.sub(rb"\1", _squeeze(_COMMENT.sub(b"", text)))
    if address.startswith(b"@") and b":" in address:
        address = address.partition(b":")[2]
    return address


def _bare(phrase: list[_Piece]) -> tuple[bytes, bytes]:
    """An entry without angle brackets -> (name, address): the last "@" that is not quoted parts the address from the name."""
    at = max((i for i, (text, is_quoted) in enumerate(phrase) if b"@" in text and not is_quoted), default=-1)
    if at < 0:
        return _name(phrase), b""
    before, _, behind = _AROUND_MARKS.sub(rb"\1", phrase[at][0]).rpartition(b"@")
    words, box = before.rpartition(b" ")[::2]
    first = phrase[:at]
    if first and b" " not in before:  # a quoted box, perhaps with more behind its quotes
        box = first.pop()[0] + box
    domain, _, rest = behind.partition(b" ")
    return _name([*first, (words + b" ", False), (rest, False), *phrase[at + 1 :]]), box + b"@" + domain
