"""Old rows go: of the logs and of runs of tasks after some months; counts by the hour become counts by the day, and go after some years.

The audit log and the mirrored files are not touched. Small pieces, so that nobody waits for the database.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.sessions.backends.db import SessionStore
from django.db import connection, transaction
from django.db.models import Model, QuerySet, Sum
from django.utils import timezone

from webadmin.logs import bulk
from webadmin.models import Accepted, Delivery, HourCount, Login, Message, Notice, Refused, TaskRun
from webadmin.runs import Run

DAYS = 90
COUNT_DAYS = 800
RUNS = 200  # of each task
PIECE = 1000
_HOUR = timedelta(hours=1)


def prune(run: Run | None = None, *, days: int = DAYS, count_days: int = COUNT_DAYS, now: datetime | None = None) -> int:
    """-> how many rows went. Raises ValueError for days that would leave nothing to look at."""
    if days < 1 or count_days < days:
        raise ValueError("days must be 1 at least, and count_days no less than days")
    now = now or timezone.now()
    limit = now - timedelta(days=days)
    _roll_up(limit)
    gone = _remove_messages(limit)
    for rows in (
        Accepted.objects.filter(at__lt=limit),
        Refused.objects.filter(at__lt=limit),
        Login.objects.filter(at__lt=limit),
        Notice.objects.filter(at__lt=limit),
        HourCount.objects.filter(is_day=True, hour__lt=now - timedelta(days=count_days)),
    ):
        gone += _remove(rows)
    gone += _remove_runs(limit)
    SessionStore.clear_expired()
    if connection.vendor == "sqlite":  # PostgreSQL does that by itself
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA optimize")
    if run is not None:
        run.summary = f"{gone} rows older than {days} days went"
    return gone


def _remove_messages(limit: datetime) -> int:
    """With their deliveries, of which none can be much younger: a message lives for a week."""
    gone = 0
    while ids := list(Message.objects.filter(born_at__lt=limit).order_by("born_at").values_list("pk", flat=True)[:PIECE]):
        with transaction.atomic():
            gone += Delivery.objects.filter(message_id__in=ids).delete()[0]
            gone += Message.objects.filter(pk__in=ids).delete()[0]
    return gone


def _remove(rows: QuerySet[Model]) -> int:
    gone = 0
    while ids := list(rows.order_by("pk").values_list("pk", flat=True)[:PIECE]):
        gone += rows.filter(pk__in=ids).delete()[0]
    return gone


def _remove_runs(limit: datetime) -> int:
    ended = TaskRun.objects.exclude(state=TaskRun.State.RUNNING)
    gone = _remove(ended.filter(started_at__lt=limit))
    for name in list(TaskRun.objects.order_by().values_list("name", flat=True).distinct()):
        mine = ended.filter(name=name).order_by("-started_at", "-id")
        first_old = mine[RUNS : RUNS + 1].first()
        if first_old is not None:
            gone += _remove(ended.filter(name=name, started_at__lte=first_old.started_at))
    return gone


def _roll_up(limit: datetime) -> None:
    """Whole days before limit, one by one: their hours together in one row each."""
    hours = HourCount.objects.filter(is_day=False, hour__lt=_day(limit)).order_by("hour")
    while (oldest := hours.first()) is not None:
        day = _day(oldest.hour)
        rows = hours.filter(hour__lt=day + timedelta(days=1))
        sums = rows.order_by().values_list("what", "domain").annotate(Sum("number"), Sum("size_bytes"))
        key = (day - bulk.when(0)) // _HOUR
        with transaction.atomic():
            bulk.add_counts({(key, what, domain): (number, size) for what, domain, number, size in sums}, is_day=True)
            rows.delete()


def _day(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
