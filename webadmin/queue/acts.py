"""Orders to qmail-send about messages of the queue. Each writes one audit row, in one transaction with the order: no order, no row.

All raise Permanent (the message is not there any more) and Temporary (qmail-send is away, or delivers it just now).
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from webadmin import octets
from webadmin.access import Actor
from webadmin.audit.record import record
from webadmin.mirror import servers

_KIND = "message"


def status() -> dict[str, Any]:
    found: dict[str, Any] = servers.queue(b"status")
    return found


def listed(offset: int, limit: int) -> dict[str, Any]:
    found: dict[str, Any] = servers.queue(b"list", b"%d" % offset, b"%d" % limit)
    return found


def shown(messnum: int) -> dict[str, Any]:
    found: dict[str, Any] = servers.queue(b"show", b"%d" % messnum)
    return found


@transaction.atomic
def head(who: Actor, messnum: int) -> bytes:
    """The first 64 KiB of the message itself. Somebody else's mail: that it was read is written down."""
    record(who, "queue_read", _KIND, str(messnum), None, _envelope(messnum))
    return servers.queue_head(messnum)


@transaction.atomic
def retry(who: Actor, messnum: int) -> None:
    """It is due now."""
    record(who, "queue_retry", _KIND, str(messnum), None, _envelope(messnum))
    servers.queue(b"retry", b"%d" % messnum)


@transaction.atomic
def retry_all(who: Actor) -> None:
    record(who, "queue_retry", _KIND, "all")
    servers.queue(b"retry", b"all")


@transaction.atomic
def bounce(who: Actor, messnum: int) -> None:
    """Its sender is told that it cannot be delivered."""
    record(who, "queue_bounce", _KIND, str(messnum), _envelope(messnum), None)
    servers.queue(b"bounce", b"%d" % messnum)


@transaction.atomic
def delete(who: Actor, messnum: int) -> None:
    """It is gone, and nobody is told."""
    record(who, "queue_delete", _KIND, str(messnum), _envelope(messnum), None)
    servers.queue(b"delete", b"%d" % messnum)


def _envelope(messnum: int) -> dict[str, Any]:
    """For the audit log: numbers are used again, so whose message it was is written down."""
    message = shown(messnum)
    left = [octets.latin(r["address"]) for r in message["all_recipients"] if not r["is_done"]]
    return {"sender": octets.latin(message["sender"]), "recipients left": left[:20], "size": message["size"]}
