"""Content-Transfer-Encoding: bodies decoded whole or in pieces, forgiving what is broken. Never raises.

base64            bytes outside the alphabet are skipped, missing padding is put in, text goes on behind padding
quoted-printable  "=" before anything but two hex digits or a line end stays
x-uuencode        lines that do not decode are left out
Anything else, and no encoding, is the bytes as they stand.
Source   RFC 2045 6
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

from mta.formats.mime.source import Source, windows

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64 = bytes(b for b in range(256) if b not in _BASE64 and b != 61)
_PADDING = re.compile(rb"=++")
UUENCODE = frozenset((b"x-uuencode", b"x-uue", b"uuencode", b"uue"))
_LINE_MAX = 1 << 16


def decode(encoding: bytes, data: bytes) -> bytes:
    if encoding == b"base64":
        return b"".join(map(_quads, _PADDING.split(data.translate(None, _NOT_BASE64))))
    if encoding == b"quoted-printable":
        return binascii.a2b_qp(data)
    return _uu(data) if encoding in UUENCODE else data


def pieces(encoding: bytes, source: Source, start: int, end: int) -> Iterator[bytes]:
    """The decoded body from start to end, in pieces of bounded size."""
    if encoding == b"base64":
        return _base64_pieces(source, start, end)
    if encoding == b"quoted-printable" or encoding in UUENCODE:
        return (decode(encoding, lines) for lines in _line_windows(source, start, end))
    return windows(source, start, end)


def decoded_size(encoding: bytes, size: int) -> int:
    """About how many octets a body of that size becomes."""
    if encoding == b"base64":
        return size * 57 // 77  # lines of 76 characters and a line end
    return size * 45 // 62 if encoding in UUENCODE else size


def _quads(text: bytes) -> bytes:
    """Letters of base64 without padding."""
    over = len(text) % 4
    if over == 1:  # six bits are no octet
        text, over = text[:-1], 0
    return binascii.a2b_base64(text + b"=" * (-over % 4))


def _base64_pieces(source: Source, start: int, end: int) -> Iterator[bytes]:
    rest = b""
    for data in windows(source, start, end):
        parts = _PADDING.split(rest + data.translate(None, _NOT_BASE64))
        whole = len(parts[-1]) // 4 * 4
        rest = parts[-1][whole:]
        yield b"".join(map(_quads, [*parts[:-1], parts[-1][:whole]]))
    yield _quads(rest)


def _line_windows(source: Source, start: int, end: int) -> Iterator[bytes]:
    """Pieces cut at line ends; a line longer than the window is cut where it does not part an "=XX"."""
    rest = b""
    for data in windows(source, start, end):
        data = rest + data
        cut = data.rfind(b"\n") + 1
        if not cut and len(data) > _LINE_MAX:
            escape = data.rfind(b"=", len(data) - 3)
            cut = escape if escape >= 0 else len(data)
        rest = data[cut:]
        yield data[:cut]
    yield rest


def _uu(data: bytes) -> bytes:
    found = []
    for line in data.split(b"\n"):
        line = line.rstrip(b"\r")
        if line.startswith((b"begin ", b"end")) or not line:
            continue
        try:
            found.append(binascii.a2b_uu(line))
        except binascii.Error:
            try:  # a line with blanks behind it, or cut ones
                found.append(binascii.a2b_uu(line[: 1 + ((line[0] - 32) & 63) // 3 * 4 + 4]))
            except binascii.Error:
                continue
    return b"".join(found)
