"""Maildir/tawny-pop3-sizes: what messages measure on the wire, so that a POP3 session need not read every message to say it.

Lines    "WIRE SIZE NAME": octets with CRLF line ends, octets of the file, and the message's unique name (without flags).
Example  b"2231 2174 1795218915.I27a1f8V900000M504211R1.mx,S=2174\\n"
Limits   names with a newline are left out. A message never changes, so a line never grows old; if somebody edited the file all the same,
         SIZE gives it away. Lines of messages that are gone are dropped when the file is written again.
Written  by a POP3 session that had to measure.   Read by the next one.
Crash    replaced by rename, not synced: it may be empty or cut short, and then what is missing is measured again. It may be removed.
Source   Courier's courierpop3dsizelist for the idea
"""

from __future__ import annotations

from collections.abc import Mapping

_DIGITS_MAX = 20


def read(data: bytes) -> dict[tuple[bytes, int], int]:
    """{(unique name, octets of the file): octets on the wire}. What is not such a line is passed over."""
    found = {}
    for line in data.split(b"\n")[:-1]:
        fields = line.split(b" ", 2)
        if len(fields) == 3 and all(f.isdigit() and len(f) < _DIGITS_MAX for f in fields[:2]):
            found[fields[2], int(fields[1])] = int(fields[0])
    return found


def write(sizes: Mapping[tuple[bytes, int], int]) -> bytes:
    return b"".join(b"%d %d %b\n" % (wire, size, name) for (name, size), wire in sizes.items() if b"\n" not in name)
