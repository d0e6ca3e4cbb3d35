"""The address in an SMTP MAIL or RCPT argument, read as leniently as qmail-smtpd reads it.

Forms    "FROM:<joe@x>", "FROM: joe@x", "<@route,@route:joe@x>"; quotes and backslashes are taken off; "user@[our own IP]" becomes
         user@localiphost. Without "<" and ":" the address is empty.
Limits   899 octets (addrparse); NUL, CR and LF never (stricter than the original, docs/quirks.md)
Source   qmail-smtpd.c addrparse, RFC 5321 4.1.2
"""

from __future__ import annotations

import re
from collections.abc import Callable

PATH_MAX = 899
_PLAIN = re.compile(rb'[^:<]*:? *<([^"\\@<>\0\r\n]*@[^"\\@<>:\0\r\n\[\]]+)>')
_LITERAL = re.compile(rb"\[(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})\]\Z")


class TooLong(ValueError):
    """555 syntax error."""


class ForbiddenByte(ValueError):
    """NUL, CR or LF."""


def read(argument: bytes, *, localiphost: bytes | None = None, is_own_ip: Callable[[bytes], bool] | None = None) -> tuple[bytes, bytes]:
    """-> (address, what stands behind it: ESMTP parameters). Raises TooLong or ForbiddenByte."""
    plain = _PLAIN.match(argument)
    if plain and not plain[1].startswith(b"@"):  # the shape of nearly every address; the rest of this function says what it means
        address, rest = plain[1], argument[plain.end() :]
    else:
        address, rest = _parse(argument)
        if localiphost is not None and is_own_ip is not None:
            address = _replace_literal(address, localiphost, is_own_ip)
    if b"\0" in address or b"\r" in address or b"\n" in address:
        raise ForbiddenByte
    if len(address) > PATH_MAX:
        raise TooLong
    return address, rest


def _parse(argument: bytes) -> tuple[bytes, bytes]:
    start = argument.find(b"<")
    if start >= 0:
        text, terminator = argument[start + 1 :], b">"
    else:
        text, terminator = argument.partition(b":")[2].lstrip(b" "), b" "
    if text.startswith(b"@"):
        text = text.partition(b":")[2]
    address = bytearray()
    is_quoted = is_escaped = False
    at = 0
    for at, c in enumerate(text):  # noqa: B007 - where the loop stopped is where the parameters begin
        if is_escaped:
            address.append(c)
            is_escaped = False
        elif c == 0x5C:
            is_escaped = True
        elif c == 0x22:
            is_quoted = not is_quoted
        elif not is_quoted and c == terminator[0]:
            break
        else:
            address.append(c)
    return bytes(address), text[at + 1 :]


def _replace_literal(address: bytes, localiphost: bytes, is_own_ip: Callable[[bytes], bool]) -> bytes:
    box, at, domain = address.rpartition(b"@")
    literal = _LITERAL.match(domain)
    return b"%b@%b" % (box, localiphost) if at and literal and is_own_ip(literal[1]) else address


def parameters(rest: bytes) -> dict[bytes, bytes]:
    """b" SIZE=100 BODY=8BITMIME" -> {b"SIZE": b"100", b"BODY": b"8BITMIME"}; keywords in upper case."""
    found = {}
    for word in rest.split():
        keyword, _, value = word.partition(b"=")
        found[keyword.upper()] = value
    return found
