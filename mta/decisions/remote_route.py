"""Where does mail for a host go? control/smtproutes first, else the host's own mail exchangers.

Source   qmail-remote(8), qmail-remote.c main
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mta.formats import control, smtproutes


@dataclass(frozen=True, slots=True)
class Target:
    """Targets are equal when their hosts are, but for case."""

    host: bytes = field(compare=False)  # a name, an address or [address], as it was written
    port: int
    is_relay: bool  # named by smtproutes: its address is asked for, not its MX, and may be one of our own
    key: bytes  # host in lower case


def remote_route(routes: dict[bytes, bytes], host: bytes) -> Target:
    """routes: of smtproutes.read."""
    route = smtproutes.find(routes, host)
    if route is None:
        return _target(host, smtproutes.SMTP_PORT, is_relay=False)
    if not route.relay:
        return _target(host, route.port, is_relay=False)
    return _target(route.relay, route.port, is_relay=True)


def _target(host: bytes, port: int, *, is_relay: bool) -> Target:
    return Target(host, port, is_relay, control.lower(host))
