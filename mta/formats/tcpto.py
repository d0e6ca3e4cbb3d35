"""queue/lock/tcpto: addresses that recently timed out, so that deliveries do not all wait for them.

Records  64 of 16 octets: IPv4 address, count 0..10 (0: free), 3 unused, time of the last counted time-out (little-endian), 4 unused.
Written  by qmail-remote under flock.   Read by qmail-remote, qmail-tcpto.   Emptied by qmail-rspawn and qmail-tcpok.
Source   INTERNALS 7, tcpto.c
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

SIZE = 1024
RECORD_SIZE = 16
_RECORD = Struct("<4sB3xI4x")


@dataclass(frozen=True, slots=True)
class Entry:
    ip: bytes  # 4 octets, network order
    count: int
    when_s: int


def read(data: bytes) -> list[Entry]:
    whole = len(data[:SIZE]) // RECORD_SIZE * RECORD_SIZE
    return [Entry(*fields) for fields in _RECORD.iter_unpack(data[:whole])]


def write(entry: Entry) -> bytes:
    return _RECORD.pack(entry.ip, entry.count, entry.when_s & 0xFFFFFFFF)
