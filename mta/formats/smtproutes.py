"""control/smtproutes: "domain:relay" or "domain:relay:port", ".suffix:...", ":..." for the rest. An empty relay means: by MX.

Example  b"example.net:192.0.2.9:2525\\n:smarthost.example.org\\n.example.com:[2001:db8::9]:25\\n"
Notes    A relay in brackets may hold colons (the original knows no IPv6). "domain::2525" is by MX, but on that port.
Limits   a port outside 1..65535, or one that is no number, is 0: every connection then fails, as with the original
Source   qmail-remote(8)
"""

from __future__ import annotations

from dataclasses import dataclass

from mta.formats import control
from mta.formats.todo import leading_number

SMTP_PORT = 25
_PORT_MAX = 65535


@dataclass(frozen=True, slots=True)
class Route:
    key: bytes  # the line that decided
    relay: bytes  # host, address or [address]; b"": look for MX records as usual
    port: int  # 0: see Limits


def read(data: bytes) -> dict[bytes, bytes]:
    """{lower-case key: "relay" or "relay:port"}; the last of several equal keys wins."""
    return control.map_(control.lines(data))


def find(table: dict[bytes, bytes], host: bytes) -> Route | None:
    """The route for mail to host, or None when no line speaks of it."""
    lowered = control.lower(host)
    for key in (lowered, *control.dot_suffixes(lowered), b""):
        value = table.get(key)
        if value is not None:
            return Route(key, *_split(value))
    return None


def _split(value: bytes) -> tuple[bytes, int]:
    """b"relay:port" -> (relay, port)."""
    literal_end = value.find(b"]") + 1 if value.startswith(b"[") else 0
    relay, colon, digits = value[literal_end:].partition(b":")
    port = leading_number(digits) if colon else SMTP_PORT
    return value[:literal_end] + relay, port if port <= _PORT_MAX else 0
