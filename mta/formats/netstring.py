"""Netstrings: LEN ":" BYTES ",", LEN in decimal. b"hello" is b"5:hello,", nothing is b"0:,".

Limits   readers accept leading zeros and take an empty length as 0, as the originals do.
Source   cr.yp.to/proto/netstrings.txt
"""

from __future__ import annotations

LENGTH_MAX = 200_000_000  # qmail-qmtpd.c: longer is refused before anything is read


def write(data: bytes) -> bytes:
    return b"%d:%b," % (len(data), data)


def read(data: bytes, start: int = 0) -> tuple[bytes, int]:
    """The netstring that begins at start -> (its bytes, where the next one begins). Raises ValueError on anything else."""
    colon = data.find(b":", start, start + 12)
    if colon < 0:
        raise ValueError("netstring without a length")
    digits = data[start:colon]
    if digits and not digits.isdigit():
        raise ValueError("netstring length is not a number")
    end = colon + 1 + int(digits or b"0")
    if end - colon - 1 > LENGTH_MAX:
        raise ValueError("netstring too long")
    if data[end : end + 1] != b",":
        raise ValueError("netstring cut short or without its comma")
    return data[colon + 1 : end], end + 1


def read_all(data: bytes) -> list[bytes]:
    """Netstrings back to back -> their contents. Raises ValueError."""
    found, at = [], 0
    while at < len(data):
        value, at = read(data, at)
        found.append(value)
    return found
