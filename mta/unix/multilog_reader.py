"""Follow a directory that multilog writes (programs/daemontools/multilog/logdir): all of its lines, in order, each once.

Order      finished files (@LABEL.s, @LABEL.u) by their names, which are times, then current
Position   which finished files were read, and how far the one that was being read when we stopped; that one is known by its first octets,
           which hold the time of its first line, under whatever name it stands there now. A position can be written down between any two
           pieces, and a reader that goes on from it sees every later line and none of the earlier ones.
Lines      come whole. What a crash cut off at the end of a file, a line without its end, and a line longer than a piece are passed over and
           counted; so are files that were removed before they were read to their end
Races      current is opened before the names are read, so one that is finished meanwhile is recognised as such by its inode; while it has
           neither name (it is "previous" for a moment) nothing newer is read
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from mta.formats import tai64n

PIECE_MAX = 1 << 20
FIND_MAX = 64 << 20
_TEXT = tai64n.LABEL_LEN + 1  # behind the time and its space
HEAD_MAX = 64
_NAME_MIN = 27  # "@", 24 digits and ".s"


@dataclass(frozen=True, slots=True)
class Position:
    """done: finished files that were read and are still there; head, offset: of the file that is being read; cut, gaps: counted so far."""

    done: frozenset[bytes] = frozenset()
    head: bytes = b""
    offset: int = 0
    cut: int = 0
    gaps: int = 0

    def dump(self) -> dict[str, Any]:
        """A value for JSON; head in hex, as not every database takes every octet in a text."""
        return {
            "done": sorted(name.decode("latin-1") for name in self.done),
            "head": self.head.hex(),
            "offset": self.offset,
            "cut": self.cut,
            "gaps": self.gaps,
        }

    @classmethod
    def load(cls, value: dict[str, Any]) -> Position:
        """{}: the beginning. Raises KeyError, TypeError, ValueError."""
        if not value:
            return cls()
        done = frozenset(name.encode("latin-1") for name in value["done"])
        return cls(done, bytes.fromhex(value["head"]), int(value["offset"]), int(value["cut"]), int(value["gaps"]))


@dataclass(frozen=True, slots=True)
class Piece:
    """data: whole lines, newlines included, perhaps none. position: behind them."""

    data: bytes
    position: Position


CURRENT = b"current"


@dataclass(frozen=True, slots=True)
class _Files:
    """What there is. current: its descriptor, None where it is not for now. is_between_names: a file is being finished."""

    current: int | None
    finished: list[bytes]
    is_between_names: bool


def pieces(directory: bytes, position: Position, piece_max: int = PIECE_MAX) -> Iterator[Piece]:
    """What was written since position; the last piece says how far it goes. Raises OSError."""
    files = _look(directory)
    try:
        position = replace(position, done=position.done.intersection(files.finished))
        begun = _begun(directory, files, position)
        if begun is None and position.offset:
            if files.is_between_names:  # perhaps that is the one
                return
            position = replace(position, head=b"", offset=0, gaps=position.gaps + 1)
            yield Piece(b"", position)
        for name in _order(files, position, begun):
            for piece in _file(directory, files, name, position, piece_max):
                position = piece.position
                yield piece
    finally:
        if files.current is not None:
            os.close(files.current)


def _look(directory: bytes) -> _Files:
    try:
        current = os.open(os.path.join(directory, CURRENT), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        current = None
    # A name that is made while a directory is read may be missed, but not twice.
    names = {*os.listdir(directory), *os.listdir(directory)}
    finished = sorted(name for name in names if name[:1] == b"@" and len(name) >= _NAME_MIN)
    if current is not None and _is_among(directory, finished, current):
        os.close(current)
        return _Files(None, finished, False)  # the new current is for the next time
    is_between_names = not names.isdisjoint((b"previous", b"processed"))
    return _Files(current, finished, is_between_names)


def _is_among(directory: bytes, finished: list[bytes], current: int) -> bool:
    """Has the file we opened as current got its @ name meanwhile?"""
    mine = os.fstat(current)
    for name in reversed(finished):
        try:
            if os.path.samestat(mine, os.stat(os.path.join(directory, name))):
                return True
        except FileNotFoundError:
            continue
    return False


def _begun(directory: bytes, files: _Files, position: Position) -> bytes | None:
    """The name of the file that position stands in, None if it stands in none of these."""
    if not position.offset:
        return None
    if files.current is not None and _is_begun(files.current, position):
        return CURRENT
    for name in files.finished:
        if name in position.done:
            continue
        fd = _open(directory, name)
        if fd is not None:
            try:
                if _is_begun(fd, position):
                    return name
            finally:
                os.close(fd)
    return None


def _is_begun(fd: int, position: Position) -> bool:
    return os.fstat(fd).st_size >= position.offset and os.pread(fd, len(position.head), 0) == position.head


def _order(files: _Files, position: Position, begun: bytes | None) -> list[bytes]:
    """The file that was begun comes first, whatever the clock has done to the names of the others."""
    if begun == CURRENT:
        return [CURRENT]
    unread = [name for name in files.finished if name not in position.done]
    if begun is not None:
        unread = [begun, *(name for name in unread if name != begun)]
    return unread if files.current is None or files.is_between_names else [*unread, CURRENT]


def _open(directory: bytes, name: bytes) -> int | None:
    try:
        return os.open(os.path.join(directory, name), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # the oldest go when there are too many
        return None


def _file(directory: bytes, files: _Files, name: bytes, position: Position, piece_max: int) -> Iterator[Piece]:
    if name == CURRENT:
        assert files.current is not None
        yield from _lines(files.current, position, piece_max)
        return
    fd = _open(directory, name)
    if fd is None:
        yield Piece(b"", replace(position, head=b"", offset=0, gaps=position.gaps + 1))
        return
    try:
        for piece in _lines(fd, position, piece_max):
            position = piece.position
            yield piece
        is_cut = os.fstat(fd).st_size > position.offset
    finally:
        os.close(fd)
    yield Piece(b"", replace(position, done=position.done | {name}, head=b"", offset=0, cut=position.cut + is_cut))


def _lines(fd: int, position: Position, piece_max: int) -> Iterator[Piece]:
    """From the position to the last newline."""
    head = os.pread(fd, HEAD_MAX, 0)
    while data := os.pread(fd, piece_max, position.offset):
        end = data.rfind(b"\n") + 1
        if end:
            position = replace(position, head=head, offset=position.offset + end)
            yield Piece(data[:end], position)
        elif len(data) < piece_max or (after := _end_of_line(fd, position.offset, piece_max)) is None:
            return
        else:  # nobody of us writes such a line
            position = replace(position, head=head, offset=after, cut=position.cut + 1)
            yield Piece(b"", position)


def _end_of_line(fd: int, offset: int, piece_max: int) -> int | None:
    """None: it is still being written."""
    while data := os.pread(fd, piece_max, offset):
        newline = data.find(b"\n")
        if newline >= 0:
            return offset + newline + 1
        offset += len(data)
    return None


def waiting(directory: bytes, position: Position) -> int:
    """About how many octets there are to read. Raises OSError when the directory cannot be read."""
    total = 0
    for name in os.listdir(directory):
        if name == CURRENT or (name[:1] == b"@" and name not in position.done):
            try:
                total += os.stat(os.path.join(directory, name)).st_size
            except FileNotFoundError:
                continue
    return max(0, total - position.offset)


def find(
    directory: bytes, pattern: re.Pattern[bytes], since_ns: int, until_ns: int, octets_max: int = FIND_MAX
) -> Iterator[tuple[int, bytes]]:
    """Lines of a time again, from whichever files hold them still: time and text of those whose whole text, without its time, matches.
    No more than octets_max are read. Raises OSError when there is no directory."""
    for at_ns, text in _texts(directory, since_ns, octets_max):
        if at_ns > until_ns:
            return
        if at_ns >= since_ns and pattern.fullmatch(text):
            yield at_ns, text


def _texts(directory: bytes, since_ns: int, octets_max: int) -> Iterator[tuple[int, bytes]]:
    """Of files that end after since."""
    names = sorted(name for name in os.listdir(directory) if name[:1] == b"@" and len(name) >= _NAME_MIN)
    for name in (*(name for name in names if (_time_ns(name) or 0) >= since_ns), CURRENT):
        fd = _open(directory, name)
        if fd is None:
            continue
        with os.fdopen(fd, "rb") as file:
            for line in file:
                octets_max -= len(line)
                if octets_max < 0:
                    return
                at_ns = _time_ns(line)
                if at_ns is not None:
                    yield at_ns, line[_TEXT:].rstrip(b"\n")


def _time_ns(line: bytes) -> int | None:
    try:
        return tai64n.read(line[: tai64n.LABEL_LEN])
    except ValueError:
        return None
