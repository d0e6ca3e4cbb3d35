"""Is a recipient local, virtual or remote? qmail-send's rewriting, step by step.

Steps    1 no "@": append "@" envnoathost  2 percent hack  3 domain in locals: local  4 virtualdomains: local under its prefix, or remote
         by exception  5 otherwise remote
Source   qmail-send(8), qmail-send.c rewrite
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mta.formats import control, virtualdomains

LOCAL, REMOTE = b"local", b"remote"


@dataclass(frozen=True, slots=True)
class Controls:
    """The control files that decide, read. Domains in lower case."""

    envnoathost: bytes
    locals: frozenset[bytes]
    percenthack: frozenset[bytes]
    virtualdomains: Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Route:
    channel: bytes  # LOCAL or REMOTE
    address: bytes  # as the channel gets it
    why: str  # the control file that decided, for explain: "locals", "virtualdomains" or "" when nothing speaks of it
    key: bytes = b""  # its line's key


def rewrite(recipient: bytes, controls: Controls) -> Route:
    address = percent_hack(recipient if b"@" in recipient else b"%b@%b" % (recipient, controls.envnoathost), controls.percenthack)
    domain = control.lower(address.rpartition(b"@")[2])
    if domain in controls.locals:
        return Route(LOCAL, address, "locals", domain)
    found = virtualdomains.find(controls.virtualdomains, address)
    if found is None:
        return Route(REMOTE, address, "")
    key, prepend = found
    if not prepend:
        return Route(REMOTE, address, "virtualdomains", key)
    return Route(LOCAL, b"%b-%b" % (prepend, address), "virtualdomains", key)


def percent_hack(address: bytes, percenthack: frozenset[bytes]) -> bytes:
    """b"u%v@w" -> b"u@v" while the domain is listed."""
    while True:
        box, _, domain = address.rpartition(b"@")
        user, percent, host = box.rpartition(b"%")
        if control.lower(domain) not in percenthack or not percent:
            return address
        address = b"%b@%b" % (user, host)


def strip_prepend(recipient: bytes, table: Mapping[bytes, bytes]) -> bytes:
    """A rewritten recipient as its sender knows it, for bounces. Only keys of whole domains count, and case matters, as in the original."""
    found = virtualdomains.find_domain(table, recipient.rpartition(b"@")[2])
    if found is None:
        return recipient
    return recipient.removeprefix(found[1] + b"-") if found[1] else recipient
