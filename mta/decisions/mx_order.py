"""In which order are the mail exchangers of a host tried?

Ascending preference, equals shuffled. A host of our own cuts the list: what is not better than ourselves would be a loop.
Source   qmail-remote(8), dns.c and qmail-remote.c main; RFC 5321 5.1
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

MX_MAX = 50  # exchangers of one host that are looked at; who lists more is not helped by them


@dataclass(frozen=True, slots=True)
class Mx:
    """An MX record."""

    preference: int
    name: bytes  # b"" is the root: RFC 7505's "no mail here"


@dataclass(frozen=True, slots=True)
class Exchanger:
    preference: int
    ip: str  # address in text form
    name: str = ""  # of the host, lower case, for TLS


def best(found: Sequence[Mx], limit: int = MX_MAX) -> list[Mx]:
    """The records worth an address look-up: never the root, and no more than limit of the best."""
    return sorted((mx for mx in found if mx.name), key=lambda mx: mx.preference)[:limit]


def mx_order(
    found: Sequence[Exchanger], *, is_me: Callable[[str], bool], shuffle: Callable[[list[Exchanger]], None]
) -> list[Exchanger] | None:
    """-> the exchangers to try, in order, or None: we are the best one ourselves and would loop."""
    best_own = min((e.preference for e in found if is_me(e.ip)), default=None)
    usable = [e for e in found if best_own is None or e.preference < best_own]
    if found and not usable:
        return None
    shuffle(usable)
    usable.sort(key=lambda e: e.preference)  # stable: the shuffle decides among equals
    return usable
