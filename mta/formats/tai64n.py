"""TAI64N labels: "@" and 24 lower-case hex digits: 16 for 2^62 + 10 + seconds since 1970, 8 for nanoseconds.

Example  b"@4000000037c219bf2ef02e94" is 1999-08-24 04:04:05.787492500 UTC
Bugs     leap seconds are not counted: the offset is 10 for ever, as in tai64n(1)
Source   tai64n(1), cr.yp.to/libtai/tai64.html
"""

from __future__ import annotations

TAI_OFFSET = (1 << 62) + 10
LABEL_LEN = 25
_HEX = frozenset(b"0123456789abcdef")


def write(time_ns: int) -> bytes:
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    return b"@%016x%08x" % (TAI_OFFSET + seconds, nanoseconds)


def read(label: bytes) -> int:
    """b"@" + 24 hex digits -> nanoseconds since 1970. Raises ValueError."""
    if len(label) != LABEL_LEN or label[:1] != b"@" or not _HEX.issuperset(label[1:]):
        raise ValueError("not a TAI64N label")
    return (int(label[1:17], 16) - TAI_OFFSET) * 1_000_000_000 + int(label[17:], 16)


def packed(time_ns: int) -> bytes:
    """The 12-byte form of supervise/status: seconds and nanoseconds, both big-endian."""
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    return (TAI_OFFSET + seconds).to_bytes(8, "big") + nanoseconds.to_bytes(4, "big")


def unpacked(data: bytes) -> int:
    """The first 12 bytes -> nanoseconds since 1970. Raises ValueError when there are fewer."""
    if len(data) < 12:
        raise ValueError("packed TAI64N cut short")
    return (int.from_bytes(data[:8], "big") - TAI_OFFSET) * 1_000_000_000 + int.from_bytes(data[8:12], "big")
