"""Where does mail for a host go? control/authsenders first, if it names the sender; then control/smtproutes, else the host's own mail
exchangers.

Source   qmail-remote(8), qmail-remote.c main; the authentication patch
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mta.formats import control, smtproutes
from mta.formats.smtproutes import Login, Route


@dataclass(frozen=True, slots=True)
class Target:
    """Targets are equal when their hosts are, but for case, and the login there."""

    host: bytes = field(compare=False)  # a name, an address or [address], as it was written
    port: int
    is_relay: bool  # named by smtproutes: its address is asked for, not its MX, and may be one of our own
    key: bytes  # host in lower case
    login: Login | None = None


def remote_route(routes: dict[bytes, bytes], host: bytes, senders: dict[bytes, bytes] | None = None, sender: bytes = b"") -> Target:
    """routes: of smtproutes.read; senders: the same of authsenders."""
    route = smtproutes.find(routes, host)
    own = smtproutes.find_sender(senders, sender) if senders else None
    if own is not None and own.relay:
        return _relay(own, own.login)
    if route is None:
        return _target(host, smtproutes.SMTP_PORT, is_relay=False)
    if not route.relay:
        return _target(host, route.port, is_relay=False)
    return _relay(route, route.login if own is None else own.login)


def _relay(route: Route, login: Login | None) -> Target:
    return _target(route.relay, route.port, is_relay=True, login=login)


def _target(host: bytes, port: int, *, is_relay: bool, login: Login | None = None) -> Target:
    return Target(host, port, is_relay, control.lower(host), login)
