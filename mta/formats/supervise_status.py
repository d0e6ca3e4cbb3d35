"""SERVICE/supervise/status: what a supervised service is doing. 18 octets, replaced whole.

Layout   0-11 TAI64N label (big-endian) of the last change; 12-15 process id, little-endian, 0 when down; 16 is 1 when paused;
         17 what is wanted: "u" up, "d" down, 0 once. Others may write more behind (daemontools-encore: 20 octets): it is not read.
Example  b"...\\x92o\\0\\0\\0u": up as process 28562, and wanted up
Crash    written to status.new and renamed, without a sync: what it says is only true while supervise runs
Source   supervise(8), svstat(8), supervise.c
Loaded by supervise, of which many run: a plain class, as dataclasses would load a megabyte more.
"""

from __future__ import annotations

from mta.formats import tai64n

SIZE = 18


class Status:
    """when_ns: of the last change, since 1970. want: b"u", b"d" or b"\\0"."""

    __slots__ = ("is_paused", "pid", "want", "when_ns")

    def __init__(self, when_ns: int, pid: int, is_paused: bool, want: bytes) -> None:
        self.when_ns = when_ns
        self.pid = pid
        self.is_paused = is_paused
        self.want = want

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Status) and all(getattr(self, n) == getattr(other, n) for n in self.__slots__)

    __hash__ = None  # type: ignore[assignment]


def write(s: Status) -> bytes:
    return tai64n.packed(s.when_ns) + s.pid.to_bytes(4, "little") + bytes([s.is_paused]) + s.want


def read(data: bytes) -> Status:
    """Raises ValueError when it is cut short."""
    if len(data) < SIZE:
        raise ValueError("bad format")
    return Status(tai64n.unpacked(data), int.from_bytes(data[12:16], "little"), data[16] != 0, data[17:18])
