"""What a checkpassword program is told on descriptor 3: who wants to come in, and how it is proven.

Record   NAME NUL SECRET NUL, then mostly CHALLENGE NUL; what follows is not looked at
Secret   the password itself; or with APOP the digest of challenge and password, with CRAM-MD5 the keyed digest of the challenge, both in
         hexadecimal. Some programs write challenge and digest the other way round
Example  b"joe\\0secret\\0<812.1000000000@mx.example.org>\\0"
Limits   512 octets
Source   cr.yp.to/checkpwd/interface.html, checkpassword.c; RFC 1939 7 (APOP), RFC 2195 (CRAM-MD5)
"""

from __future__ import annotations

from dataclasses import dataclass

RECORD_MAX = 512


@dataclass(frozen=True, slots=True)
class Attempt:
    name: bytes
    secret: bytes
    challenge: bytes = b""


class TooLong(ValueError):
    """Over RECORD_MAX: nobody's password is that long."""


def read(data: bytes) -> Attempt:
    """Raises TooLong, ValueError: no such record."""
    if len(data) > RECORD_MAX:
        raise TooLong("record too long")
    fields = data.split(b"\0")
    if len(fields) < 3:
        raise ValueError("not NAME NUL SECRET NUL")
    return Attempt(*fields[:3])


def write(attempt: Attempt) -> bytes:
    """Raises ValueError when a field cannot be written."""
    fields = (attempt.name, attempt.secret, attempt.challenge)
    data = b"".join(field + b"\0" for field in fields)
    if any(b"\0" in field for field in fields) or len(data) > RECORD_MAX:
        raise ValueError("a field holds a NUL, or all are too long")
    return data
