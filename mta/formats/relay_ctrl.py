"""relay-ctrl: who has read mail from which address, so that it may send some. A file for each address, and datagrams between machines.

File     its name is the address; its time is that of the last login; it holds USER=x NUL and DOMAIN=y NUL, as far as they were known
Datagram the address. With a secret: address, seconds since 1970, and the HMAC-SHA-256 of both in hexadecimal, blanks between them.
         It is answered by one octet, 1
Example  name b"10.1.2.3", data b"USER=joe\\0DOMAIN=example.org\\0"; datagram b"10.1.2.3"
Limits   8192 octets of a file are read, 512 of a datagram; one with a secret is good for 60 seconds
Written  by relay-ctrl-allow, relay-ctrl-udp.   Read by relay-ctrl-check.   Removed by relay-ctrl-check and -age when they have expired.
Crash    a temporary file whose name begins with "." may stay until it expires
Source   relay-ctrl-allow(8), relay-ctrl-check(8), relay-ctrl-udp(8), their sources
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_MAX = 8192
DATAGRAM_MAX = 512
ACKNOWLEDGED = b"\1"
EXPIRY_S = 900
PORT = 811
FRESH_S = 60
_NAMES = (b"USER", b"DOMAIN")
_MAPPED = b"::ffff:"
_DIGITS, _HEX = frozenset(b"0123456789."), frozenset(b"0123456789abcdefABCDEF:.")
_FOUR_MAX, _SIX_MAX = 15, 45


def address(text: bytes) -> bytes | None:
    """The name of an address' file; None: it is no address. (One that is no file name either is none here.)"""
    ip = text.removeprefix(_MAPPED)
    if b":" in ip:
        return ip.lower() if len(ip) <= _SIX_MAX and _HEX.issuperset(ip) else None
    return ip if ip.strip(b".") and len(ip) <= _FOUR_MAX and _DIGITS.issuperset(ip) else None


def write(env: Mapping[bytes, bytes]) -> bytes:
    """What is to be known of somebody who has logged in."""
    return b"".join(b"%b=%b\0" % (name, env[name]) for name in _NAMES if name in env)


def read(data: bytes) -> list[tuple[bytes, bytes]]:
    """Variables in order; what is none is passed over."""
    items = data[:FILE_MAX].split(b"\0")[:-1]
    return [(name, value) for name, found, value in (item.partition(b"=") for item in items) if found and name]


def positive(text: bytes, otherwise: int) -> int:
    """As atol(3) reads a number: digits as far as they go. None, or none above 0: otherwise."""
    text = text.strip()
    digits = text[: len(text) - len(text.lstrip(b"0123456789"))]
    return int(digits[:18] or b"0") or otherwise


def is_authenticated(env: Mapping[bytes, bytes]) -> bool:
    """Has the program that started us checked the password? Courier's run us for every attempt, and say how it went."""
    return b"AUTHUSER" not in env or b"AUTHARGV0" not in env or bool(env.get(b"AUTHENTICATED"))


def datagram(ip: bytes, secret: bytes, now_s: int) -> bytes:
    """secret: b"" for none."""
    if not secret:
        return ip
    signed = b"%b %d" % (ip, now_s)
    return b"%b %b" % (signed, _mac(secret, signed))


def read_datagram(data: bytes, secret: bytes, now_s: int) -> bytes | None:
    """The address; None: no datagram of somebody who knows the secret, or an old one."""
    if not secret:
        return address(data)
    words = data.split(b" ")
    if len(words) != 3 or not words[1].isdigit() or abs(int(words[1][:18]) - now_s) > FRESH_S:
        return None
    return address(words[0]) if _is_same(_mac(secret, b"%b %b" % (words[0], words[1])), words[2]) else None


def _mac(secret: bytes, data: bytes) -> bytes:
    import hmac  # here, for those who have no secret need none of it

    return hmac.new(secret, data, "sha256").hexdigest().encode()


def _is_same(one: bytes, other: bytes) -> bool:
    import hmac

    return hmac.compare_digest(one, other)
