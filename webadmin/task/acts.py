"""Ask for a task to be done soon, by a worker. Writes one audit row. Raises ValidationError, Temporary."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.db import transaction
from kombu.exceptions import OperationalError

from mta.errors import Temporary
from webadmin import runs, tasks
from webadmin.access import Actor
from webadmin.audit.record import record

AWAY = "Tasks cannot be asked for: the broker (CELERY_BROKER_URL) does not answer. Nothing was changed."
STALE = "stale_cleanup"
_STARTERS = {
    "analyse_logs": tasks.analyse_logs,
    "drift_check": tasks.drift_check,
    "empty_removed": tasks.empty_removed,
    "prune_rows": tasks.prune_rows,
}


@transaction.atomic
def task_start(who: Actor, name: str) -> None:
    """Any but the clean-up, which is told more."""
    _check_free(name)
    record(who, "task_start", "task", name)
    _ask(lambda: _STARTERS[name].delay())


@transaction.atomic
def cleanup_start(who: Actor, *, is_dry: bool, domain: str = "") -> None:
    """domain "": all that have a policy for old mail. is_dry: only list it."""
    _check_free(STALE)
    record(who, "task_start", "task", STALE, None, {"dry run": is_dry, "domain": domain or "all"})
    _ask(lambda: tasks.stale_cleanup.delay(is_dry=is_dry, domain=domain, who=who.name, origin=who.origin))


def drift_again() -> None:
    """Drift has been mended: what the overview says of it should follow. When it cannot be asked for, the timetable does it."""
    try:
        tasks.drift_check.delay()
    except OperationalError:
        pass


def _check_free(name: str) -> None:
    if runs.running(name) is not None:
        raise ValidationError("It is running already. Wait until it is done.", code="busy")


def _ask(start: Callable[[], object]) -> None:
    try:
        start()
    except OperationalError as error:
        raise Temporary(AWAY, str(error)) from error
