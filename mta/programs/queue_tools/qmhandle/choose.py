"""Which messages an option of qmHandle means."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from mta.formats import header822
from mta.unix.queue_scan import Queued
from mta.unix.queuedir import Paths

Choice = Callable[[Queued], bool]

_HEADER_MAX = 1 << 20
_LINE_MAX = 1 << 16
_PIECE = 1 << 16


def by(letter: bytes, value: bytes, paths: Paths) -> Choice:
    """The choice of -f, -F, -x, -X, -t, -S, -h, -H, -b, -B or -D. It may raise OSError for a message. Raises re.error."""
    if letter == b"f":
        return lambda message: message.sender == value
    if letter == b"x":
        return lambda message: value in message.addresses
    if letter == b"D":
        return lambda message: True
    if letter == b"S":
        return lambda message: any(value in subject(field) for field in header(paths, message.messnum) if _is_subject(field))
    pattern = re.compile(value, re.IGNORECASE if letter in b"hb" else 0)
    if letter == b"F":
        return lambda message: message.sender is not None and bool(pattern.search(message.sender))
    if letter in b"Xt":
        return lambda message: any(pattern.search(address) for address in message.addresses)
    if letter in b"hH":
        return lambda message: any(pattern.search(unfolded(field)) for field in header(paths, message.messnum))
    return lambda message: any(pattern.search(line) for line in _body_lines(paths, message.messnum))


def header(paths: Paths, messnum: int) -> list[bytes]:
    """The fields, as they stand. Raises OSError."""
    splitter = header822.Splitter()
    found: list[bytes] = []
    with open(paths.mess(messnum), "rb") as file:
        while not splitter.is_body and file.tell() < _HEADER_MAX and (piece := file.read(_PIECE)):
            found += splitter.feed(piece)[0]
    if not splitter.is_body:
        found += splitter.close()[0]
    return found


def _is_subject(field: bytes) -> bool:
    return header822.name(field) == b"subject"


def subject(field: bytes) -> bytes:
    """What stands behind the name of a field."""
    return unfolded(field).partition(b":")[2].strip()


def unfolded(field: bytes) -> bytes:
    return field.replace(b"\n", b"").rstrip(b"\r")


def _body_lines(paths: Paths, messnum: int) -> Iterator[bytes]:
    """Without their ends; long ones in pieces. Raises OSError."""
    with open(paths.mess(messnum), "rb") as file:
        while file.readline(_LINE_MAX) not in (b"\n", b"\r\n", b""):
            pass
        while line := file.readline(_LINE_MAX):
            yield line.rstrip(b"\r\n")
