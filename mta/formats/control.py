"""control/NAME: one fact per file, in one of three kinds, and maps made from the third.

line     the first line, trailing spaces, tabs and newlines cut (a CR stays); an empty file is the empty string
integer  as line, then its leading digits; none: as if the file were missing
lines    every line cut at its end; empty lines and those that begin with "#" skipped; a "#" further on is data
map      lines "key:value", key compared without case, split at the first colon, lines without a colon ignored; the last
         line with a key wins (in a cdb it is the first: docs/quirks.md)
Written  by the administrator or by the control installer.   Read by every program that has one.
Source   qmail-control(5), control.c, constmap.c
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_BLANK = b" \t\n"


def line(data: bytes) -> bytes:
    return data.split(b"\n", 1)[0].rstrip(_BLANK)


def integer(data: bytes) -> int | None:
    text = line(data)
    digits = text[: len(text) - len(text.lstrip(b"0123456789"))]
    return int(digits) if digits else None


def lines(data: bytes) -> list[bytes]:
    found = (part.rstrip(_BLANK) for part in data.split(b"\n"))
    return [part for part in found if part and not part.startswith(b"#")]


def write_lines(items: Iterable[bytes]) -> bytes:
    return b"".join(item + b"\n" for item in items)


def map_(items: Iterable[bytes]) -> dict[bytes, bytes]:
    """Lines "key:value" -> {lower-case key: value}."""
    found = {}
    for item in items:
        key, colon, value = item.partition(b":")
        if colon:
            found[lower(key)] = value
    return found


def set_(items: Iterable[bytes]) -> frozenset[bytes]:
    """Lines without values (locals, percenthack, rcpthosts) -> their lower-case keys."""
    return frozenset(map(lower, items))


def lower(text: bytes) -> bytes:
    """ASCII letters only, as qmail folds case: bytes above 127 are never touched."""
    return text.lower()


def dot_suffixes(domain: bytes) -> Iterable[bytes]:
    """b"a.b.c" -> b".b.c", b".c": the wildcard keys of rcpthosts, virtualdomains and smtproutes, longest first."""
    at = domain.find(b".")
    while at >= 0:
        yield domain[at:]
        at = domain.find(b".", at + 1)
