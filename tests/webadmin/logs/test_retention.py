"""Old rows go, young ones stay, and counts become days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from tests.webadmin.logs.conftest import START, Logs
from webadmin import tasks
from webadmin.logs import queries, retention
from webadmin.models import Accepted, Delivery, HourCount, Login, Message, Notice, Refused, TaskRun

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def live(logs: Logs, at: datetime) -> None:
    """One of everything."""
    logs.now = at
    logs.mail("info msg 5: bytes 10 from <a@x.example> qp 1 uid 1", "starting delivery 1: msg 5 to remote b@y", "delivery 1: success: ok/")
    logs.mail("end msg 5", "warning: something", "status: exiting")
    logs.write("smtpd", "smtpd: ok: 1.2.3.4: qp 1 from <> bytes 1 recipients 1 helo - SMTP", "smtpd: deny: 1.2.3.4: TLS: no")
    logs.write("login-broker", "login-broker: ok pop3 joe@x 1.1.1.1")
    logs.analyse()


def counted() -> list[int]:
    return [model._default_manager.count() for model in (Message, Delivery, Accepted, Refused, Login, Notice)]


def test_rows_older_than_the_limit_go(logs: Logs) -> None:
    live(logs, START - 91 * DAY)
    live(logs, START - 89 * DAY)
    assert counted() == [2] * 6
    assert retention.prune(now=START) == 6
    assert counted() == [1] * 6
    assert retention.prune(now=START) == 0


def test_it_works_in_pieces(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PIECE", 2)
    for days in range(5):
        live(logs, START - (100 + days) * DAY)
    retention.prune(now=START)
    assert counted() == [0] * 6


def test_hours_become_days_and_sums_stay(logs: Logs) -> None:
    for hours in (0, 1, 5, 30):
        live(logs, START - 95 * DAY + timedelta(hours=hours))
    live(logs, START - 10 * DAY)
    span = START - 200 * DAY, START + DAY
    before = queries.totals(*span), queries.by_domain("success", *span)
    retention.prune(now=START)
    assert (queries.totals(*span), queries.by_domain("success", *span)) == before
    days = HourCount.objects.filter(what="success", domain="y", is_day=True).order_by("hour")
    first = (START - 95 * DAY).replace(hour=0, minute=0)
    assert [(row.hour, row.number, row.size_bytes) for row in days] == [(first, 3, 30), (first + DAY, 1, 10)]
    assert HourCount.objects.filter(is_day=False, hour__lt=START - 90 * DAY).count() == 0
    assert HourCount.objects.get(is_day=False, what="success", domain="y").number == 1


def test_late_lines_are_added_to_a_day(logs: Logs) -> None:
    live(logs, START - 95 * DAY)
    retention.prune(now=START)
    live(logs, START - 95 * DAY + timedelta(hours=2))
    retention.prune(now=START)
    assert HourCount.objects.get(what="success", domain="y").number == 2


def test_days_go_after_years(logs: Logs) -> None:
    live(logs, START - 801 * DAY)
    live(logs, START - 798 * DAY)
    retention.prune(now=START)
    assert HourCount.objects.filter(what="success", domain="y").count() == 1


def test_runs_of_tasks_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "RUNS", 3)
    for name, ages in (("often", range(10)), ("seldom", (1, 89, 91))):
        for age in ages:
            TaskRun.objects.create(name=name, state="done", started_at=START - age * DAY)
    TaskRun.objects.create(name="often", state="running", started_at=START - 300 * DAY)
    retention.prune(now=START)
    left = {name: [(START - row.started_at).days for row in TaskRun.objects.filter(name=name)] for name in ("often", "seldom")}
    assert left == {"often": [0, 1, 2, 300], "seldom": [1, 89]}, "300 days is the one that is running"


def test_sessions_that_have_ended_go() -> None:
    for key, when in (("old", timezone.now() - DAY), ("new", timezone.now() + DAY)):
        Session.objects.create(session_key=key, session_data="", expire_date=when)
    retention.prune()
    assert [row.session_key for row in Session.objects.all()] == ["new"]


@pytest.mark.parametrize(("days", "count_days"), [(0, 800), (-1, 800), (90, 89)])
def test_it_refuses_to_remove_everything(days: int, count_days: int) -> None:
    with pytest.raises(ValueError, match="days must be 1 at least"):
        retention.prune(days=days, count_days=count_days)


def test_the_task_takes_its_days_from_the_timetable(logs: Logs) -> None:
    live(logs, datetime.now(UTC) - 10 * DAY)
    tasks.prune_rows(days=5, count_days=800)
    assert counted() == [0] * 6
    assert TaskRun.objects.get().summary == "6 rows older than 5 days went"
