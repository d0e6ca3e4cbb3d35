"""When the tasks run, to begin with. An operator changes the rows (django_celery_beat); what stands there is never written over.

An entry that was removed comes back at the next preparation of the instance: to stop a task, switch its entry off.
Times of day are UTC, as everywhere.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from webadmin.domains import removed
from webadmin.logs import retention


@dataclass(frozen=True, slots=True)
class Entry:
    """every_s: seconds between two runs; or at: (hour, minute) of every day. A run still waiting when the next is due is dropped."""

    task: str
    does: str
    every_s: int = 0
    at: tuple[int, int] | None = None
    arguments: dict[str, Any] = field(default_factory=dict)


ENTRIES = (
    Entry("analyse_logs", "takes new lines of the logs into the database", every_s=60),
    Entry("drift_check", "looks for files that were changed by hand", every_s=600),
    Entry("stale_cleanup", "deletes old mail of the domains that have a policy for it", at=(3, 30)),
    Entry(
        "empty_removed",
        "takes away for good what was deleted some time ago",
        at=(3, 50),
        arguments={"days": removed.DAYS},
    ),
    Entry(
        "prune_rows",
        "removes what the database keeps of old logs and old tasks",
        at=(4, 10),
        arguments={"days": retention.DAYS, "count_days": retention.COUNT_DAYS},
    ),
)


@transaction.atomic
def complete() -> list[str]:
    """Make the entries that are missing -> their names."""
    there = set(PeriodicTask.objects.values_list("name", flat=True))
    missing = [entry for entry in ENTRIES if entry.task not in there]
    for entry in missing:
        PeriodicTask.objects.create(
            name=entry.task,
            task=entry.task,
            description=entry.does,
            kwargs=json.dumps(entry.arguments),
            expire_seconds=entry.every_s or 12 * 3600,
            **_schedule(entry),
        )
    return [entry.task for entry in missing]


def _schedule(entry: Entry) -> dict[str, Any]:
    """The row of its times, which several entries may share."""
    if entry.at is None:
        every = {"every": entry.every_s, "period": IntervalSchedule.SECONDS}
        return {"interval": IntervalSchedule.objects.filter(**every).first() or IntervalSchedule.objects.create(**every)}
    at = {"hour": str(entry.at[0]), "minute": str(entry.at[1]), "day_of_week": "*", "day_of_month": "*", "month_of_year": "*"}
    found = CrontabSchedule.objects.filter(**at, timezone=settings.TIME_ZONE).first()
    return {"crontab": found or CrontabSchedule.objects.create(**at, timezone=settings.TIME_ZONE)}
