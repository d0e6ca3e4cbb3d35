"""control/smtproutes: "domain:relay" or "domain:relay:port", ".suffix:...", ":..." for the rest. An empty relay means: by MX.
control/authsenders: the same for mail of certain senders, "user@host:..." or "@host:...", which outranks smtproutes.

Login    "|user|password" behind a relay or its port: log in there. In authsenders the relay may be left out: the one of smtproutes is
         meant then. Who has no relay logs in nowhere: a password is not for whatever server the DNS names.
Example  b"example.net:192.0.2.9:2525\n:smarthost.example.org:587|joe|secret\n.example.com:[2001:db8::9]:25\n"
Notes    A relay in brackets may hold colons (the original knows no IPv6). "domain::2525" is by MX, but on that port.
Limits   a port outside 1..65535, or one that is no number, is 0: every connection then fails, as with the original
Source   qmail-remote(8); the authentication patch of qmail-remote
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mta.formats import control
from mta.formats.todo import leading_number

SMTP_PORT = 25
MASK = b"(password)"
_PORT_MAX = 65535


@dataclass(frozen=True, slots=True)
class Login:
    user: bytes
    password: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Route:
    key: bytes  # the line that decided
    relay: bytes  # host, address or [address]; b"": look for MX records as usual
    port: int  # 0: see Limits
    login: Login | None = None


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


def find_sender(table: dict[bytes, bytes], sender: bytes) -> Route | None:
    """table: of authsenders. The route for mail from sender."""
    lowered = control.lower(sender)
    for key in (lowered, b"@" + lowered.rpartition(b"@")[2]):
        value = table.get(key)
        if value is not None:
            return Route(key, *_split(value))
    return None


def masked(data: bytes) -> bytes:
    """The file for other eyes: without the passwords."""
    return b"\n".join(map(_masked, data.split(b"\n")))


def _masked(line: bytes) -> bytes:
    words = line.split(b"|", 2)
    return b"|".join((*words[:2], MASK)) if len(words) > 2 and words[2] else line


def _split(value: bytes) -> tuple[bytes, int, Login | None]:
    """b"relay:port|user|password" -> (relay, port, login)."""
    place, *words = value.split(b"|", 2)
    literal_end = place.find(b"]") + 1 if place.startswith(b"[") else 0
    relay, colon, digits = place[literal_end:].partition(b":")
    port = leading_number(digits) if colon else SMTP_PORT
    login = Login(words[0], words[1] if len(words) > 1 else b"") if words and words[0] else None
    return place[:literal_end] + relay, port if port <= _PORT_MAX else 0, login
