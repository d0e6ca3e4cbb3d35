"""Where does a bounce go? To the sender; a bounce of a bounce to the postmaster; the bounce of that nowhere.

Source   qmail-send(8), qmail-send.c injectbounce
"""

from __future__ import annotations

from dataclasses import dataclass

from mta.decisions import verp
from mta.formats.address import DOUBLE_BOUNCE_SENDER, NULL_SENDER


@dataclass(frozen=True, slots=True)
class BounceRoute:
    sender: bytes
    recipient: bytes
    is_double: bool


def bounce_route(sender: bytes, doublebounce: bytes) -> BounceRoute | None:
    """sender of the failed message -> the envelope of its bounce, or None: discard it (a triple bounce)."""
    if sender == DOUBLE_BOUNCE_SENDER:
        return None
    if sender == NULL_SENDER:
        return BounceRoute(DOUBLE_BOUNCE_SENDER, doublebounce, True)
    return BounceRoute(NULL_SENDER, verp.plain(sender), False)
