"""A run of a task, told to the browser while it goes on. There is never more than one run of a name.

with task_run("analyse_logs") as run:      raises Busy when one is under way
    run.progress(3, 10)                    how far; also says that we are still at it
    run.summary = "3 files"                one line for the list of runs; run.details: what JSON can hold, for the page of this one
What the block raises makes the run a failed one, and goes on its way.

Crash    a run whose process is gone is taken for failed by the next one, which starts at once; of a process on another machine that is
         known after SILENCE_S without a word
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from mta.errors import MailError
from mta.unix import alive
from webadmin.models import TaskLock, TaskRun

SILENCE_S = 2 * 3600
WRITE_EVERY_S = 1.0
SUMMARY_MAX = 1000


class Busy(Exception):
    """run: the one under way, None when it began this very moment."""

    def __init__(self, name: str, run: TaskRun | None) -> None:
        since = f" since {run.started_at:%Y-%m-%d %H:%M:%S} UTC" if run is not None else ""
        super().__init__(f"{name} is already running{since}")
        self.run = run


class Run:
    def __init__(self, row: TaskRun) -> None:
        self.row = row
        self.summary = ""
        self.details: dict[str, Any] = {}
        self._written = monotonic()

    def progress(self, done: int, total: int = 0) -> None:
        """total 0: not known, or as said before. Raises Busy when another run has taken our place."""
        self.row.done, self.row.total = done, total or self.row.total
        if monotonic() - self._written < WRITE_EVERY_S:
            return
        self._written = monotonic()
        if not TaskLock.objects.filter(name=self.row.name, run=self.row).update(expires_at=_expiry()):
            raise Busy(self.row.name, None)
        self.row.save(update_fields=["done", "total"])


@contextmanager
def task_run(name: str, who: str = "") -> Iterator[Run]:
    """who: who asked for it; "": the timetable. Raises Busy."""
    run = Run(_begin(name, who))
    try:
        yield run
    except BaseException as error:
        _end(run, TaskRun.State.FAILED, "; ".join(dict.fromkeys(filter(None, (run.summary, _said(error))))))
        raise
    _end(run, TaskRun.State.DONE, run.summary)


def running(name: str) -> TaskRun | None:
    """The run under way. One whose process is gone is none."""
    lock = TaskLock.objects.filter(name=name).select_related("run").first()
    return lock.run if lock is not None and not _is_void(lock) else None


def last(name: str) -> TaskRun | None:
    """The last one that came to an end."""
    return TaskRun.objects.filter(name=name).exclude(state=TaskRun.State.RUNNING).first()


def _begin(name: str, who: str) -> TaskRun:
    try:
        with transaction.atomic():
            lock = TaskLock.objects.select_for_update().filter(name=name).first()
            if lock is not None:
                if not _is_void(lock):
                    raise Busy(name, lock.run)
                _fail(lock)
            row = TaskRun.objects.create(name=name, who=who[:150], started_at=timezone.now())
            TaskLock.objects.create(name=name, run=row, holder=alive.me().decode("utf-8", "replace"), expires_at=_expiry())
    except IntegrityError as error:  # two began in the same moment
        raise Busy(name, None) from error
    return row


def _is_void(lock: TaskLock) -> bool:
    return lock.expires_at < timezone.now() or alive.is_gone(lock.holder.encode())


def _fail(lock: TaskLock) -> None:
    """Its process did not come to the end of it."""
    row = lock.run
    lock.delete()
    row.state, row.finished_at, row.summary = TaskRun.State.FAILED, timezone.now(), "its process ended before the task was done"
    row.save(update_fields=["state", "finished_at", "summary"])


def _end(run: Run, state: TaskRun.State, summary: str) -> None:
    row = run.row
    row.state, row.finished_at, row.details = state, timezone.now(), run.details
    row.summary = summary.replace("\0", "?")[:SUMMARY_MAX]
    with transaction.atomic():
        row.save()
        TaskLock.objects.filter(name=row.name, run=row).delete()


def _expiry() -> Any:
    return timezone.now() + timedelta(seconds=SILENCE_S)


def _said(error: BaseException) -> str:
    if isinstance(error, MailError):
        return error.text
    if isinstance(error, ValidationError):
        return " ".join(error.messages)
    return f"{type(error).__name__}: {error}"
