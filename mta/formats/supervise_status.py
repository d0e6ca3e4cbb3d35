"""SERVICE/supervise/status: what a supervised service is doing. 18 octets, replaced whole.

Layout   0-11 TAI64N label (big-endian) of the last change; 12-15 process id, little-endian, 0 when down; 16 is 1 when paused;
         17 what is wanted: "u" up, "d" down, 0 once.
Example  b"...\\x92o\\0\\0\\0u": up as process 28562, and wanted up
Source   supervise(8), svstat(8), supervise.c
"""

from __future__ import annotations

from dataclasses import dataclass

from mta.formats import tai64n

SIZE = 18


@dataclass(frozen=True, slots=True)
class Status:
    when_ns: int
    pid: int
    is_paused: bool
    want: bytes  # b"u", b"d" or b"\0"


def write(s: Status) -> bytes:
    return tai64n.packed(s.when_ns) + s.pid.to_bytes(4, "little") + bytes([s.is_paused]) + s.want


def read(data: bytes) -> Status:
    """Raises ValueError when it has another size."""
    if len(data) != SIZE:
        raise ValueError("bad format")
    return Status(tai64n.unpacked(data), int.from_bytes(data[12:16], "little"), data[16] != 0, data[17:18])
