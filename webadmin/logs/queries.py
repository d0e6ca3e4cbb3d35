"""What the pages ask of the rows of the logs. All times are aware; since is included, until is not.

last_hour   counts in all and for every five minutes
search      deliveries, newest first                    search_refused, search_logins   the same of what was refused, of logins
page        a piece of any of these                     totals, by_domain, by_hour      of any time, from the counts by the hour
newest      how fresh the rows are
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from django.db.models import Count, Max, Model, Q, QuerySet, Sum
from django.db.models.functions import TruncMinute
from django.utils import timezone

from webadmin.logs import words
from webadmin.logs.rows import READERS
from webadmin.models import Accepted, Delivery, HourCount, Login, LogPosition, Message, Refused

SLOT = timedelta(minutes=5)
SLOTS = 12
PAGE = 50
_Row = TypeVar("_Row", bound=Model)


@dataclass(slots=True)
class Counts:
    """accepted, refused: by the servers; the next three: deliveries; bounced: messages of which a bounce was sent."""

    accepted: int = 0
    refused: int = 0
    delivered: int = 0
    deferred: int = 0
    failed: int = 0
    bounced: int = 0


@dataclass(frozen=True, slots=True)
class LastHour:
    """slots: beginning of five minutes, and what happened in them; the last one is not over yet. total is their sum."""

    total: Counts
    slots: tuple[tuple[datetime, Counts], ...]


def last_hour(now: datetime | None = None) -> LastHour:
    """Three questions that an index answers for an hour's rows, grouped by the minute."""
    now = now or timezone.now()
    begin = _slot(now) - SLOT * (SLOTS - 1)
    slots = {begin + SLOT * i: Counts() for i in range(SLOTS)}
    total = Counts()
    for minute, name, number in _minutes(begin, now):
        for counts in (slots[_slot(minute)], total):
            setattr(counts, name, getattr(counts, name) + number)
    return LastHour(total, tuple(slots.items()))


def _slot(at: datetime) -> datetime:
    return at.replace(minute=at.minute // 5 * 5, second=0, microsecond=0)


_OUTCOMES = {Delivery.Outcome.SUCCESS: "delivered", Delivery.Outcome.DEFERRAL: "deferred", Delivery.Outcome.FAILURE: "failed"}


def _minutes(begin: datetime, now: datetime) -> Iterator[tuple[datetime, str, int]]:
    """Minute, name of the count, how many."""
    refused = Refused.objects.exclude(service__in=READERS)
    for name, rows in (
        ("accepted", Accepted.objects.filter(at__gte=begin, at__lte=now).annotate(minute=TruncMinute("at"))),
        ("refused", refused.filter(at__gte=begin, at__lte=now).annotate(minute=TruncMinute("at"))),
        ("bounced", Message.objects.filter(bounced_at__gte=begin, bounced_at__lte=now).annotate(minute=TruncMinute("bounced_at"))),
    ):
        for minute, number in rows.order_by().values_list("minute").annotate(Count("pk")):
            yield minute, name, number
    ended = Delivery.objects.filter(finished_at__gte=begin, finished_at__lte=now, outcome__in=_OUTCOMES)
    grouped = ended.annotate(minute=TruncMinute("finished_at")).order_by().values_list("minute", "outcome").annotate(Count("pk"))
    for minute, outcome, number in grouped:
        yield minute, _OUTCOMES[Delivery.Outcome(outcome)], number


def newest() -> datetime | None:
    """The time of the last line that was read of any log."""
    found: datetime | None = LogPosition.objects.aggregate(newest=Max("newest_at"))["newest"]
    return found


# -- counts by the hour ------------------------------------------------------------------------------------------------------------


def totals(since: datetime, until: datetime, domain: str = "") -> dict[str, tuple[int, int]]:
    """HourCount.What -> number, octets. domain "": in all."""
    rows = _hours(since, until).filter(domain=domain).order_by().values_list("what")
    return {what: (number, size) for what, number, size in rows.annotate(Sum("number"), Sum("size_bytes"))}


def by_domain(what: str, since: datetime, until: datetime, most: int = PAGE) -> list[tuple[str, int, int]]:
    """The busiest domains: name, number, octets."""
    rows = _hours(since, until).filter(what=what).exclude(domain="").order_by().values_list("domain")
    return list(rows.annotate(number_=Sum("number"), size_=Sum("size_bytes")).order_by("-number_", "domain")[:most])


def by_hour(what: str, since: datetime, until: datetime, domain: str = "") -> list[tuple[datetime, int, int]]:
    """Beginning, number, octets; hours without any are left out, and hours long ago stand together as a day."""
    rows = _hours(since, until).filter(what=what, domain=domain).order_by("hour")
    return list(rows.values_list("hour", "number", "size_bytes"))


def _hours(since: datetime, until: datetime) -> QuerySet[HourCount]:
    return HourCount.objects.filter(hour__gte=since.replace(minute=0, second=0, microsecond=0), hour__lt=until)


# -- search ------------------------------------------------------------------------------------------------------------------------


def search(
    rows: QuerySet[Delivery] | None = None,
    *,
    text: str = "",
    sender: str = "",
    recipient: str = "",
    outcome: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[Delivery]:
    """Deliveries with their messages, newest first. rows: those the asker may see (None: all).

    sender, recipient: an address, "@domain", or a part of one. text: a queue number, a qp, or part of report or address.
    Addresses, domains and times are found by indexes; parts are looked for in every row of the time."""
    found = Delivery.objects.all() if rows is None else rows
    found = _between(found.select_related("message"), "finished_at", since, until)
    if outcome:
        found = found.filter(outcome=outcome)
    if sender:
        found = found.filter(_address(sender, "message__sender", "message__sender_domain"))
    if recipient:
        found = found.filter(_address(recipient, "recipient", "domain"))
    return found.filter(_mentions(text.strip())) if text.strip() else found


def _mentions(text: str) -> Q:
    lowered = text.lower()
    found = Q(report__icontains=text.replace(" ", "_")) | Q(recipient__contains=lowered) | Q(message__sender__contains=lowered)
    if text.isdecimal() and len(text) <= 18:
        found |= Q(message__messnum=int(text)) | Q(message__qp=int(text))
    return found


def search_refused(
    rows: QuerySet[Refused] | None = None, *, text: str = "", since: datetime | None = None, until: datetime | None = None
) -> QuerySet[Refused]:
    """text: an address, "@domain", an IP address, or part of what was said."""
    found = _between(Refused.objects.all() if rows is None else rows, "at", since, until)
    text = text.strip().lower()
    if not text:
        return found
    if _is_address(text):
        return found.filter(Q(sender=text) | Q(recipient=text))
    said = text.replace(" ", "_")
    parts = Q(sender__contains=text) | Q(recipient__contains=text) | Q(reply__icontains=said) | Q(why__icontains=text)
    return found.filter(Q(ip=text) | parts)


def search_logins(
    rows: QuerySet[Login] | None = None, *, text: str = "", outcome: str = "", since: datetime | None = None, until: datetime | None = None
) -> QuerySet[Login]:
    """text: a name or an IP address, or part of a name."""
    found = _between(Login.objects.all() if rows is None else rows, "at", since, until)
    if outcome:
        found = found.filter(outcome=outcome)
    text = text.strip().lower()
    return found.filter(Q(name__contains=text) | Q(ip=text)) if text else found


def _between(found: QuerySet[_Row], column: str, since: datetime | None, until: datetime | None) -> QuerySet[_Row]:
    if since is not None:
        found = found.filter(**{f"{column}__gte": since})
    return found if until is None else found.filter(**{f"{column}__lt": until})


def _is_address(text: str) -> bool:
    local, at, domain = text.rpartition("@")
    return bool(local and at and domain)


def _address(text: str, address: str, domain: str) -> Q:
    """As the columns hold it, whether it was copied from a page or from the log itself."""
    text = text.strip().lower().removeprefix("<").removesuffix(">")
    if text == "":
        return Q(**{address: ""})  # "<>", the null sender
    if _is_address(text):
        return Q(**{f"{address}__in": {text, text.removeprefix(words.domain_of(text) + "-")}})
    if text.startswith("@"):
        return Q(**{domain: text[1:]})
    return Q(**{f"{address}__contains": text})


@dataclass(frozen=True, slots=True)
class Page(Generic[_Row]):
    rows: list[_Row]
    number: int  # from 1
    has_next: bool


def page(found: QuerySet[_Row], number: int, size: int = PAGE) -> Page[_Row]:
    """A page costs its rows and those before it; how many there are in all is nobody's business with millions of them."""
    number = max(1, number)
    rows = list(found[(number - 1) * size : number * size + 1])
    return Page(rows[:size], number, len(rows) > size)
