"""control/smtproutes: "domain:relay" or "domain:relay:port", ".suffix:...", ":..." for the rest. An empty relay means: by MX.

Example  b"example.net:192.0.2.9:2525\\n:smarthost.example.org\\n"
Source   qmail-remote(8)
"""

from __future__ import annotations

from dataclasses import dataclass

from mta.formats import control
from mta.formats.todo import leading_number

SMTP_PORT = 25


@dataclass(frozen=True, slots=True)
class Route:
    key: bytes  # the line that decided
    relay: bytes  # host, address or [address]; b"": look for MX records as usual
    port: int  # 0 when the line's port is not a number: every connection then fails, as with the original


def read(data: bytes) -> dict[bytes, bytes]:
    """{lower-case key: "relay" or "relay:port"}; the last of several equal keys wins."""
    return control.map_(control.lines(data))


def find(table: dict[bytes, bytes], host: bytes) -> Route | None:
    """The route for mail to host, or None when no line speaks of it."""
    lowered = control.lower(host)
    for key in (lowered, *control.dot_suffixes(lowered), b""):
        value = table.get(key)
        if value is not None:
            relay, colon, port = value.partition(b":")
            return Route(key, relay, leading_number(port) if colon else SMTP_PORT)
    return None
