"""What was deleted and lies in removed/: "20261121101500-example.org" a domain, "20261121101500-joe@example.org" a mailbox."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from webadmin.mirror import install

_STAMP = 14  # digits of the time


@dataclass(frozen=True, slots=True)
class Removed:
    key: str  # its name in removed/
    name: str
    when: datetime
    is_mailbox: bool


def find(text: str = "") -> list[Removed]:
    """Those whose name holds text, newest first. Raises Temporary."""
    return sorted((r for r in _all() if text.lower() in r.key), key=lambda r: r.key, reverse=True)


def _all() -> Iterator[Removed]:
    for key in install.removed():
        try:
            when = datetime.strptime(key[:_STAMP], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError:  # somebody else's file
            continue
        yield Removed(key, key[_STAMP + 1 :], when, is_mailbox(key))


def is_mailbox(key: str) -> bool:
    return "@" in key


def told(sentence: str, key: str) -> SafeString:
    """The sentence of a deletion, with the way to undo it."""
    if not key or key.startswith("directory stays"):
        return format_html("{} {}", sentence, key)
    url = f"{reverse('removed_list')}?{urlencode({'search': key})}"
    return format_html('{} Everything in it is kept: <a href="{}">undo</a>.', sentence, url)
