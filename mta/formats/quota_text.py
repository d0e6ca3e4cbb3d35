"""How a quota is written: "NS" octets, "NC" messages, both with a comma between; "NOQUOTA" or nothing is no limit.

Example  b"3000S,10C"; read as well: b"10M", b"500KB", b"50MS", b"10000000"
Loaded by programs that run per message: builtins only.
Source   Courier maildirquota(7), vpopmail maildirquota.c (format_maildirquota)
"""

from __future__ import annotations

NO_QUOTA = b"NOQUOTA"
_UNITS = {b"K": 1024, b"M": 1024 * 1024, b"G": 1024 * 1024 * 1024}


def read(text: bytes) -> tuple[int, int]:
    """-> (octets, messages), 0 for no limit of that kind. Raises ValueError for a text that is no quota."""
    if text in (b"", NO_QUOTA):
        return 0, 0
    size_bytes = messages = 0
    for item in text.split(b","):
        if item.endswith(b"C"):
            messages = _number(item[:-1])
        else:
            size_bytes = _octets(item)
    return size_bytes, messages


def _octets(item: bytes) -> int:
    item = item.upper()
    item = item.removesuffix(b"S").removesuffix(b"B")
    factor = _UNITS.get(item[-1:], 1)
    return _number(item[:-1] if factor > 1 else item) * factor


def _number(text: bytes) -> int:
    if not text.isdigit():
        raise ValueError(f"not a quota: {text.decode('latin-1')!r}")
    return int(text)
