"""Tasks and their runs as people read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django_celery_beat.models import PeriodicTask

from webadmin import octets, runs
from webadmin.models import TaskRun
from webadmin.timetable import ENTRIES, Entry

NAMES = {
    "analyse_logs": "Read the logs",
    "drift_check": "Look for drift",
    "stale_cleanup": "Delete old mail",
    "empty_removed": "Empty the deleted",
    "prune_rows": "Forget old logs",
}
BY_NAME = {entry.task: entry for entry in ENTRIES}


@dataclass(frozen=True, slots=True)
class Task:
    """times: when it runs by itself."""

    name: str
    title: str
    does: str
    times: str
    running: TaskRun | None
    last: TaskRun | None


def tasks() -> list[Task]:
    times = _times()
    return [task(entry, times) for entry in ENTRIES]


def task(entry: Entry, times: dict[str, str] | None = None) -> Task:
    found = _times() if times is None else times
    words = found.get(entry.task, "only when somebody asks for it")
    return Task(entry.task, NAMES.get(entry.task, entry.task), entry.does, words, runs.running(entry.task), runs.last(entry.task))


def _times() -> dict[str, str]:
    """Of the timetable's rows, which an operator may have changed."""
    rows = PeriodicTask.objects.filter(task__in=BY_NAME).select_related("interval", "crontab").order_by("-enabled")
    found: dict[str, str] = {}
    for row in rows:
        found.setdefault(row.task, _when(row) if row.enabled else "switched off")
    return found


def _when(row: Any) -> str:
    if row.interval is not None:
        minutes, seconds = divmod(row.interval.every, 60) if row.interval.period == "seconds" else (0, 1)
        if minutes and not seconds:
            return "every minute" if minutes == 1 else f"every {minutes} minutes"
        return str(row.interval)
    cron = row.crontab
    is_daily = cron is not None and {cron.day_of_week, cron.day_of_month, cron.month_of_year} == {"*"}
    if is_daily and cron.hour.isdigit() and cron.minute.isdigit():
        return f"every day at {int(cron.hour):02}:{int(cron.minute):02} UTC"
    return str(cron)


@dataclass(frozen=True, slots=True)
class Sample:
    mailbox: str
    folder: str
    file: str
    reason: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class OldMail:
    """What the clean-up found, or deleted, of one domain. more: messages that are not among the samples."""

    domain: str
    messages: int
    size_bytes: int
    reasons: list[tuple[str, int]]
    mailboxes: list[tuple[str, int]]
    samples: list[Sample]
    more: int


_REASONS = {"unread": "unread", "read": "read", "trash": "in the Trash"}


def old_mail(run: TaskRun) -> list[OldMail]:
    """Of a run of the clean-up."""
    return [_old_mail(found) for found in run.details.get("domains", [])]


def _old_mail(found: dict[str, Any]) -> OldMail:
    text = octets.latin
    samples = [Sample(text(m), text(f) or "inbox", text(file), _REASONS.get(r, r), size) for m, f, file, r, size in found["sample"]]
    return OldMail(
        found["name"],
        found["messages"],
        found["size_bytes"],
        [(_REASONS.get(reason, reason), number) for reason, number in _most(found["by_reason"])],
        [(text(name), number) for name, number in _most(found["by_mailbox"])[:50]],
        samples,
        max(0, found["messages"] - len(samples)),
    )


def _most(counts: dict[str, int]) -> list[tuple[str, int]]:
    """The largest first: PostgreSQL keeps its own order of keys."""
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
