"""TAI64N labels: "@" and 24 lower-case hex digits: 16 for 2^62 + 10 + seconds since 1970, 8 for nanoseconds.

Example  b"@4000000037c219bf2ef02e94" is 1999-08-24 04:04:05.787492500 UTC
Bugs     leap seconds are not counted: the offset is 10 for ever, as in tai64n(1)
Source   tai64n(1), cr.yp.to/libtai/tai64.html
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from time import struct_time

TAI_OFFSET = (1 << 62) + 10
LABEL_LEN = 25
_DIGITS = b"0123456789abcdef"
_HEX = frozenset(_DIGITS)
_SIGN = 1 << 63


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


def local(head: bytes, localtime: Callable[[int], struct_time]) -> bytes:
    """The beginning of a line -> the same with its label turned into "YYYY-MM-DD HH:MM:SS.NNNNNNNNN". localtime: the zone, time.localtime.

    As tai64nlocal(1) reads it: "@" and the lower-case hex digits that follow, however many, are one number; its last 96 bits count.
    Whatever is no time that localtime knows stays as it is (the original crashes)."""
    rest = head[1:].lstrip(_DIGITS)
    if head[:1] != b"@" or len(rest) == len(head) - 1:
        return head
    number = int(head[1 : len(head) - len(rest)][-24:], 16)
    seconds = ((number >> 32) - TAI_OFFSET + _SIGN) % (2 * _SIGN) - _SIGN  # 64 bits with a sign
    try:
        t = localtime(seconds)
    except (OverflowError, OSError, ValueError):
        return head
    moment = (t.tm_year, t.tm_mon, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, number & 0xFFFFFFFF)
    return b"%d-%02d-%02d %02d:%02d:%02d.%09d" % moment + rest


def is_open(head: bytes) -> bool:
    """Could more digits follow what is there of a line?"""
    return head[:1] == b"@" and not head[1:].lstrip(_DIGITS)
