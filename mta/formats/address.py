"""Envelope addresses: what may stand in one, and how qmail quotes it for headers and for SMTP.

Address  box@domain, split at the last "@"; b"" is the null sender, b"#@[]" the sender of a double bounce.
Example  b'a"b@c' is written b'"a\\\\"b"@c'
Limits   1002 octets (qmail-queue's ADDR, 1003, counts the closing NUL). NUL, CR and LF never stand in an address:
         NUL would begin a new record of the envelope, CR and LF a new line of SMTP (stricter than the original, docs/quirks.md).
Source   envelopes(5), quote.c, RFC 5321 4.1.2
"""

from __future__ import annotations

ADDRESS_MAX = 1002
NULL_SENDER = b""
DOUBLE_BOUNCE_SENDER = b"#@[]"

FORBIDDEN = (b"\0", b"\r", b"\n")
_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-./=?^_`{|}~")
_ESCAPED = frozenset(b'"\\\r\n')


def check(address: bytes) -> bytes:
    """The address itself. Raises ValueError when no envelope may hold it."""
    if len(address) > ADDRESS_MAX:
        raise ValueError("address longer than 1002 octets")
    for byte in FORBIDDEN:
        if byte in address:
            raise ValueError("NUL, CR or LF in an address")
    return address


def split(address: bytes) -> tuple[bytes, bytes | None]:
    """address -> (box, domain), parted at the last "@"; domain is None without one."""
    box, at, domain = address.rpartition(b"@")
    return (box, domain) if at else (address, None)


def quote(address: bytes) -> bytes:
    """The address with its box quoted where RFC 822 needs that; the domain is never changed."""
    if not address:
        return b""
    box, domain = split(address)
    return quote_box(box) if domain is None else quote_box(box) + b"@" + domain


def quote_box(box: bytes) -> bytes:
    if not _needs_quotes(box):
        return box
    out = bytearray(b'"')
    for byte in box:
        if byte in _ESCAPED:
            out += b"\\"
        out.append(byte)
    return bytes(out + b'"')


def _needs_quotes(box: bytes) -> bool:
    return not box or not _SAFE.issuperset(box) or box[:1] == b"." or box[-1:] == b"." or b".." in box
