"""Maildir/tawny-pop3-sizes: what messages measure on the wire, so that a POP3 session need not read every message to say it.

Lines    "SIZE NAME": octets with CRLF line ends, and the message's unique name (without flags).
Example  b"2231 1795218915.I27a1f8V900000M504211R1.mx,S=2174\\n"
Limits   names with a newline are left out. A message never changes, so a line never grows old; lines of messages that are gone are dropped
         when the file is written again.
Written  by a POP3 session that had to measure.   Read by the next one.
Crash    replaced by rename, not synced: it may be empty or cut short, and then what is missing is measured again. It may be removed.
Source   Courier's courierpop3dsizelist for the idea
"""

from __future__ import annotations

from collections.abc import Mapping


def read(data: bytes) -> dict[bytes, int]:
    """{unique name: octets}. What is not such a line is passed over."""
    found = {}
    for line in data.split(b"\n")[:-1]:
        size, space, name = line.partition(b" ")
        if space and size.isdigit() and len(size) < 20:
            found[name] = int(size)
    return found


def write(sizes: Mapping[bytes, int]) -> bytes:
    return b"".join(b"%d %b\n" % (size, name) for name, size in sizes.items() if b"\n" not in name)
