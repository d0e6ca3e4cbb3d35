"""What was deleted and lies in removed/: "20261121101500-example.org" a domain, "20261121101500-joe@example.org" a mailbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django_celery_beat.models import PeriodicTask

from webadmin.mirror import install

TASK = "empty_removed"
DAYS, DAYS_MAX = 30, 3650
_STAMP = 14  # digits of the time


@dataclass(frozen=True, slots=True)
class Removed:
    key: str  # its name in removed/
    name: str
    when: datetime
    is_mailbox: bool
    until: datetime | None  # kept at least until then; None: for ever


def find(text: str = "") -> list[Removed]:
    """Those whose name holds text, newest first. Raises Temporary."""
    return sorted((r for r in _all() if text.lower() in r.key), key=lambda r: r.key, reverse=True)


def kept_days() -> int | None:
    """How long what was deleted is kept; None: until somebody takes it away on the machine."""
    return days() if PeriodicTask.objects.filter(task=TASK, enabled=True).exists() else None


def days() -> int:
    """The same when it is switched off, too."""
    row = PeriodicTask.objects.filter(task=TASK).order_by("-enabled").first()
    found = DAYS if row is None else json.loads(row.kwargs or "{}").get("days", DAYS)
    return found if isinstance(found, int) and 1 <= found <= DAYS_MAX else DAYS


def _all() -> Iterator[Removed]:
    kept = kept_days()
    for key in install.removed():
        try:
            when = datetime.strptime(key[:_STAMP], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError:  # somebody else's file
            continue
        yield Removed(key, key[_STAMP + 1 :], when, is_mailbox(key), None if kept is None else when + timedelta(days=kept))


def is_mailbox(key: str) -> bool:
    return "@" in key


def told(sentence: str, key: str) -> SafeString:
    """The sentence of a deletion, with the way to undo it."""
    if not key or key.startswith("directory stays"):
        return format_html("{} {}", sentence, key)
    url = f"{reverse('removed_list')}?{urlencode({'search': key})}"
    kept = kept_days()
    return format_html('{} Everything in it is kept{}: <a href="{}">undo</a>.', sentence, "" if kept is None else f" for {kept} days", url)
