"""local/H/N and remote/H/N: the recipients of one channel. T address NUL is still to do, D address NUL is done.

A delivery is marked by writing one byte, D over T, at the record's offset; the file is removed when its last record is D.
The addresses are those after rewriting (decisions/rewrite). The file's mtime is the moment of the next attempt after a clean stop.
Written  by qmail-send (todo, passes).   Read by qmail-send, qmail-qread.
Crash    a lost mark repeats one delivery; nothing else can happen.
Source   INTERNALS 2, qmail-send.c markdone
"""

from __future__ import annotations

from dataclasses import dataclass

TODO, DONE = b"T", b"D"


@dataclass(frozen=True, slots=True)
class Recipient:
    offset: int  # of the letter, in octets from the start of the file
    is_done: bool
    address: bytes


def write(addresses: list[bytes]) -> bytes:
    return b"".join(b"T%b\0" % a for a in addresses)


def read(data: bytes) -> list[Recipient]:
    """Raises ValueError on a letter that is neither T nor D. Bytes after the last NUL are ignored."""
    found, offset = [], 0
    for record in data.split(b"\0")[:-1]:
        letter = record[:1]
        if letter not in (TODO, DONE):
            raise ValueError("unknown record type")
        found.append(Recipient(offset, letter == DONE, record[1:]))
        offset += len(record) + 1
    return found
