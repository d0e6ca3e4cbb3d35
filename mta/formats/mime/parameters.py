"""Values with parameters: Content-Type and Content-Disposition, and the long and foreign parameters of RFC 2231.

Grammar  word *(";" name "=" (token / quoted string)), comments in brackets between them. Read as well: blanks and brackets
         in a token, a quoted string that never ends, empty parameters.
         name*=charset'language'%41%42 names the charset; name*0=, name*1= ... are pieces of one value, each with a "*" behind its number
         when it is in %XX; a gap in the numbers ends the value.
Example  b"attachment; filename*0*=utf-8''a%20; filename*1=b.txt" has filename: Value(b"a b.txt", b"utf-8")
Limits   1000 parameters; of the same name the first counts (a second boundary makes a message ambiguous: duplicates are named)
Source   RFC 2045 5.1, RFC 2183, RFC 2231
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

PARAMETERS_MAX = 1000
_BLANKS = b" \t\r\n"
_PLAIN = re.compile(rb'[^;"(]*+')
_QUOTED = re.compile(rb'"((?:[^"\\]++|\\.?)*+)"?', re.DOTALL)
_UNQUOTE = re.compile(rb"\\(.?)", re.DOTALL)
_COMMENT = re.compile(rb"[^()\\]++|\\.?|[()]", re.DOTALL)
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_COMMENT_FOLLOWS = (b"", b" ", b"\t", b"\r", b"\n", b";", b")", b'"')
_NUMBER_DIGITS = 3  # RFC 2231 numbers of four digits are beyond the cap


@dataclass(frozen=True, slots=True)
class Value:
    raw: bytes
    charset: bytes | None = None  # None: whatever the reader takes it for


@dataclass(frozen=True, slots=True)
class Parameters:
    word: bytes  # in lower case
    values: dict[bytes, Value]  # names in lower case
    duplicates: frozenset[bytes]  # names that came again with another value

    def get(self, name: bytes) -> bytes | None:
        found = self.values.get(name)
        return None if found is None else found.raw


def read(text: bytes) -> Parameters:
    """Never raises."""
    pieces = _pieces(text)
    word = next(pieces, b"").strip(_BLANKS).lower()
    given: dict[bytes, bytes] = {}
    twice = set()
    for _, piece in zip(range(PARAMETERS_MAX), pieces, strict=False):
        name, equals, value = piece.partition(b"=")
        name, value = name.strip(_BLANKS).lower(), _value(value)
        if not equals or not name:
            continue
        if given.setdefault(name, value) != value:
            twice.add(name)
    return Parameters(word, _join(given), frozenset(twice))


def _pieces(text: bytes) -> Iterator[bytes]:
    """What stands between semicolons, comments left out, quoted strings whole."""
    at, size = 0, len(text)
    piece: list[bytes] = []
    is_comment_ok = True
    while at < size:
        plain = _PLAIN.match(text, at)
        assert plain is not None
        piece.append(plain[0])
        at = plain.end()
        here = text[at : at + 1]
        if here == b";":
            yield b"".join(piece)
            piece = []
            at += 1
        elif here == b'"':
            quoted = _QUOTED.match(text, at)
            assert quoted is not None
            piece.append(quoted[0])
            at = quoted.end()
        elif here:
            end = _comment_end(text, at) if is_comment_ok and text[at - 1 : at] in _COMMENT_FOLLOWS else at
            is_comment_ok = is_comment_ok and end > 0  # one that is never closed: brackets are letters from here on, in linear time
            if end <= at:
                piece.append(here)
                end = at + 1
            at = end
    yield b"".join(piece)


def _comment_end(text: bytes, at: int) -> int:
    """Behind the comment that begins at at; 0 when it is never closed."""
    level = 0
    for found in _COMMENT.finditer(text, at):
        if found[0] == b"(":
            level += 1
        elif found[0] == b")":
            level -= 1
            if not level:
                return found.end()
    return 0


def _value(text: bytes) -> bytes:
    text = text.strip(_BLANKS)
    quoted = _QUOTED.match(text)
    return _UNQUOTE.sub(rb"\1", quoted[1]) if quoted is not None else text


def _join(given: dict[bytes, bytes]) -> dict[bytes, Value]:
    """Plain values, and those of RFC 2231 put together. A foreign form of a name goes before its plain form."""
    plain: dict[bytes, Value] = {}
    foreign: dict[bytes, Value] = {}
    numbered: dict[bytes, dict[int, tuple[bytes, bool]]] = {}
    for name, value in given.items():
        base, star, rest = name.partition(b"*")
        if not star:
            plain[name] = Value(value)
        elif not rest:
            foreign[base] = _foreign(value)
        else:
            number = rest.removesuffix(b"*")
            if number.isdigit() and len(number) <= _NUMBER_DIGITS:
                numbered.setdefault(base, {}).setdefault(int(number), (value, number != rest))
    for base, pieces in numbered.items():
        if 0 in pieces:
            foreign.setdefault(base, _continued(pieces))
    return plain | foreign


def _foreign(value: bytes) -> Value:
    charset, language, rest = value.partition(b"'")
    if not language:
        return Value(_percent(value))
    _, quote, text = rest.partition(b"'")
    return Value(_percent(text), charset.lower() or None) if quote else Value(_percent(value))


def _continued(pieces: dict[int, tuple[bytes, bool]]) -> Value:
    value, is_foreign = pieces[0]
    first = _foreign(value) if is_foreign else Value(value)
    texts = [first.raw]
    number = 1
    while number in pieces:
        value, is_foreign = pieces[number]
        texts.append(_percent(value) if is_foreign else value)
        number += 1
    return Value(b"".join(texts), first.charset)


def _percent(text: bytes) -> bytes:
    return _PERCENT.sub(lambda m: bytes((int(m[1], 16),)), text)
