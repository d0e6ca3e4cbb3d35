"""Numbers at the start of a text, as the originals' scan_ulong reads them: digits as far as they go, none of them being 0, and past 64 bits
it wraps.

Loaded by programs that others exec for each connection: builtins only.
Source   scan_ulong.c
"""

from __future__ import annotations

_U64 = (1 << 64) - 1


def ulong(text: bytes) -> tuple[int, int]:
    """-> (the number, how many digits it has)."""
    value = digits = 0
    for octet in text:
        if not 48 <= octet <= 57:
            break
        value = (value * 10 + octet - 48) & _U64
        digits += 1
    return value, digits


def whole(text: bytes) -> int | None:
    """None: something follows the number. b"" is 0."""
    value, digits = ulong(text)
    return value if digits == len(text) else None
