"""What qmHandle shows: entries of a list, counts, a message. Nothing a stranger wrote reaches a terminal as it is, the message apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mta.formats import header822
from mta.programs.queue_tools.qmhandle import choose
from mta.unix.queue_scan import LOCAL, REMOTE, Queued
from mta.unix.queuedir import SPLIT, Paths

_SAFE = bytes(c if 32 <= c <= 126 else 0x3F for c in range(256))
_FIELDS = (b"from", b"to", b"subject", b"date")
_SHOWN_MAX = 500
_PIECE = 1 << 16
_BRIGHT, _PLAIN = b"\x1b[01;34m", b"\x1b[00m"


@dataclass(frozen=True, slots=True)
class Style:
    is_coloured: bool = False
    is_short: bool = False

    def bright(self, text: bytes) -> bytes:
        return _BRIGHT + text + _PLAIN if self.is_coloured else text


def entry(paths: Paths, message: Queued, style: Style) -> bytes:
    """A message of a list: its number, the directory it lies in and its channels; who, what and when."""
    if style.is_short:
        return b"%d\n" % message.messnum
    lines = [b"%d (%d, %b)\n" % (message.messnum, message.messnum % SPLIT, _channels(message))]
    lines.append(_line(b"Return-path", message.sender or b"", style))
    lines += [_line(name, value, style) for name, value in _fields(paths, message.messnum)]
    lines.append(_line(b"Size", b"%d bytes" % message.size_bytes, style))
    return b"".join(lines) + b"\n"


def _channels(message: Queued) -> bytes:
    if message.waiting is not None:
        return b"T"
    return (b"L" if message.local else b"") + (b"R" if message.remote else b"")


def _fields(paths: Paths, messnum: int) -> Iterator[tuple[bytes, bytes]]:
    """Those that are shown, in our order."""
    try:
        found = choose.header(paths, messnum)
    except FileNotFoundError:  # finished while we looked
        return
    for name in _FIELDS:
        for field in found:
            if header822.name(field) == name:
                yield name.capitalize(), choose.subject(field)


def _line(name: bytes, value: bytes, style: Style) -> bytes:
    return b"  %b %b\n" % (style.bright(name + b":"), value[:_SHOWN_MAX].translate(_SAFE))


def totals(total: dict[bytes, int], style: Style) -> bytes:
    lines = ((b"Messages in local queue:", total[LOCAL]), (b"Messages in remote queue:", total[REMOTE]))
    return b"".join(b"%b %d\n" % (style.bright(words), number) for words, number in lines)


def counts(messages: Iterable[Queued], style: Style) -> bytes:
    found = [0] * 5
    for message in messages:
        kinds = (True, message.local, message.remote, message.is_bouncing, message.waiting is not None)
        found = [number + bool(kind) for number, kind in zip(found, kinds, strict=True)]
    words = (
        b"Total messages:",
        b"Messages with local recipients:",
        b"Messages with remote recipients:",
        b"Messages with bounces:",
        b"Messages in preprocess:",
    )
    return b"".join(b"%b %d\n" % (style.bright(text), number) for text, number in zip(words, found, strict=True))


def whole(paths: Paths, messnum: int) -> Iterator[bytes]:
    """The message, in pieces. Raises OSError."""
    yield b"\n --------------\nMESSAGE NUMBER %d \n --------------\n" % messnum
    with open(paths.mess(messnum), "rb") as file:
        while piece := file.read(_PIECE):
            yield piece
