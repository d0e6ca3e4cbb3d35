"""The tasks: each a shell around a function, told to the browser as a run. The timetable starts them, and so does a person.

A task that is running already is not started again. What cannot be done now is said in one line of the log, and in the run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

from celery import shared_task
from django.core.exceptions import ValidationError

from mta.errors import MailError
from webadmin.access import Actor
from webadmin.domains import emptying
from webadmin.logs import analyse, retention
from webadmin.mirror import watch
from webadmin.runs import Busy, Run, task_run
from webadmin.stale import acts as stale

TIMETABLE = Actor("timetable", "timetable")
_log = logging.getLogger(__name__)


class Task(Protocol):
    """What Celery makes of a function. delay(...): have it done soon, by a worker; raises kombu's OperationalError without a broker."""

    def __call__(self, *args: Any, **kwargs: Any) -> None: ...

    def delay(self, *args: Any, **kwargs: Any) -> object: ...


_task: Callable[..., Callable[[Callable[..., None]], Task]] = shared_task


def _run(name: str, work: Callable[[Run], object], who: Actor = TIMETABLE) -> None:
    try:
        with task_run(name, "" if who == TIMETABLE else who.name) as run:
            work(run)
    except Busy as busy:
        _log.info("%s", busy)
    except (MailError, ValidationError) as error:
        _log.warning("%s: %s", name, error)


@_task(name="analyse_logs")
def analyse_logs() -> None:
    _run("analyse_logs", analyse.analyse)


@_task(name="stale_cleanup", soft_time_limit=6 * 3600, time_limit=6 * 3600 + 600)
def stale_cleanup(is_dry: bool = False, domain: str = "", who: str = TIMETABLE.name, origin: str = TIMETABLE.origin) -> None:
    """who, origin: of the person that asked."""
    actor = Actor(who, origin)
    _run("stale_cleanup", lambda run: stale.cleanup(actor, is_dry=is_dry, domain=domain, run=run), actor)


@_task(name="empty_removed", soft_time_limit=6 * 3600, time_limit=6 * 3600 + 600)
def empty_removed(days: int | None = None) -> None:
    """days: None, as the timetable has it."""
    _run("empty_removed", lambda run: emptying.empty(TIMETABLE, days=days, run=run))


@_task(name="drift_check")
def drift_check() -> None:
    _run("drift_check", watch.drift_check)


@_task(name="prune_rows")
def prune_rows(days: int = retention.DAYS, count_days: int = retention.COUNT_DAYS) -> None:
    _run("prune_rows", lambda run: retention.prune(run, days=days, count_days=count_days))
