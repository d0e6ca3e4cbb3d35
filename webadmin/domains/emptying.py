"""Take away for good what was deleted long enough ago, and how long that is: the row "empty_removed" of the timetable has the days.

The installer takes it away, in pieces; one audit row for each domain or mailbox that is gone. What is stopped halfway goes on the next
time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from mta.errors import Temporary
from webadmin import timetable
from webadmin.access import Actor
from webadmin.audit.record import record
from webadmin.domains import removed
from webadmin.mirror import install
from webadmin.runs import Run


@dataclass(slots=True)
class Emptied:
    gone: int = 0
    troubles: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "; ".join((f"{self.gone} gone for good", *self.troubles))


def empty(who: Actor, *, days: int | None = None, run: Run | None = None, now: datetime | None = None) -> Emptied:
    """days: None, as the timetable has it. What cannot be taken away does not keep the others from it. Raises ValidationError; Temporary:
    nothing could be."""
    days = removed.days() if days is None else _checked(days)
    limit = (now or timezone.now()) - timedelta(days=days)
    wanted = dict.fromkeys((*install.begun(), *(r.key for r in removed.find() if r.when < limit)))
    found = Emptied()
    for number, key in enumerate(wanted, 1):
        try:
            _discard(who, key)
            found.gone += 1
        except (Temporary, ValidationError) as error:
            found.troubles.append(f"{key}: {' '.join(error.messages) if isinstance(error, ValidationError) else error.text}")
        if run is not None:
            run.progress(number, len(wanted))
    if run is not None:
        run.summary = str(found)
    if found.troubles and not found.gone:
        raise Temporary(str(found))
    return found


def _discard(who: Actor, key: str) -> None:
    while install.discard(who.name, key):
        pass
    record(who, "removed_discard", "mailbox" if removed.is_mailbox(key) else "domain", install.removed_name(key), {"removed": key}, None)


@transaction.atomic
def keep_set(who: Actor, days: int | None) -> None:
    """How many days what was deleted is kept; None: until somebody takes it away on the machine."""
    wanted = None if days is None else _checked(days)
    timetable.complete()
    row = PeriodicTask.objects.select_for_update().filter(task=removed.TASK).order_by("-enabled")[0]
    before = removed.kept_days()
    row.enabled = wanted is not None
    if wanted is not None:
        row.kwargs = json.dumps({"days": wanted})
    row.save()
    record(who, "removed_keep_set", "task", removed.TASK, {"days": before}, {"days": wanted})


def _checked(days: int) -> int:
    if not 1 <= days <= removed.DAYS_MAX:
        raise ValidationError(f"Give a number of days from 1 to {removed.DAYS_MAX}, or nothing for ever.", code="days")
    return days
