"""Template tags of the webmail: moments as lists and pages show them."""

from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def local(moment: int | datetime.datetime, zone: ZoneInfo) -> datetime.datetime:
    """Seconds since 1970, or a moment, in the person's zone. What a calendar cannot hold is its last day."""
    try:
        aware = _EPOCH + datetime.timedelta(seconds=moment) if isinstance(moment, int) else moment
        return aware.astimezone(zone)
    except OverflowError:
        return datetime.datetime.max.replace(tzinfo=zone)


@register.filter
def short_date(moment: int | datetime.datetime, zone: ZoneInfo) -> SafeString:
    """Today 14:05, this year 3 Jan, else 3 Jan 2024."""
    then, now = local(moment, zone), datetime.datetime.now(zone)
    if then.date() == now.date():
        text = f"{then:%H:%M}"
    elif then.year == now.year:
        text = f"{then.day} {then:%b}"
    else:
        text = f"{then.day} {then:%b} {then.year}"
    return _time(then, text)


@register.filter
def long_date(moment: int | datetime.datetime, zone: ZoneInfo) -> SafeString:
    then = local(moment, zone)
    return _time(then, f"{then:%A}, {then.day} {then:%B} {then.year}, {then:%H:%M}")


def _time(then: datetime.datetime, text: str) -> SafeString:
    full = f"{then.day} {then:%B} {then.year}, {then:%H:%M} {then:%Z}"
    return format_html('<time datetime="{}" title="{}">{}</time>', then.isoformat(), full, text)


@register.filter
def initial(name: str) -> str:
    """The letter for the disc beside a sender."""
    return next((c.upper() for c in name if c.isalnum()), "?")


@register.filter
def hue(address: str) -> int:
    """One of eight colours, always the same for an address."""
    return sum(address.lower().encode("utf-8", "replace")) % 8
