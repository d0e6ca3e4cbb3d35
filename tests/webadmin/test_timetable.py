"""The timetable, and the tasks it names."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from celery import current_app
from django.core.management import call_command
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from webadmin import tasks, timetable

pytestmark = pytest.mark.django_db


def test_it_makes_every_entry_once() -> None:
    assert timetable.complete() == ["analyse_logs", "drift_check", "stale_cleanup", "empty_removed", "prune_rows"]
    rows = list(PeriodicTask.objects.order_by("id").values_list())
    assert timetable.complete() == []
    assert list(PeriodicTask.objects.order_by("id").values_list()) == rows
    found = {row.name: (str(row.schedule), row.enabled, row.expire_seconds) for row in PeriodicTask.objects.all()}
    assert found["analyse_logs"] == ("<freq: 1.00 minute>", True, 60)
    assert found["drift_check"] == ("<freq: 10.00 minutes>", True, 600)
    assert found["stale_cleanup"][0].split() == ["<crontab:", "30", "3", "*", "*", "*", "(m/h/d/dM/MY),", "UTC>"]
    assert json.loads(PeriodicTask.objects.get(name="prune_rows").kwargs) == {"days": 90, "count_days": 800}
    assert json.loads(PeriodicTask.objects.get(name="empty_removed").kwargs) == {"days": 30}


def test_it_never_writes_over_what_an_operator_changed() -> None:
    timetable.complete()
    rare = IntervalSchedule.objects.create(every=2, period=IntervalSchedule.HOURS)
    PeriodicTask.objects.filter(name="analyse_logs").update(interval=rare, enabled=False)
    PeriodicTask.objects.filter(name="drift_check").delete()
    assert timetable.complete() == ["drift_check"]
    row = PeriodicTask.objects.get(name="analyse_logs")
    assert (row.interval, row.enabled) == (rare, False)


def test_it_shares_times_with_entries_that_are_there() -> None:
    for _ in range(2):  # beat itself makes such doubles
        IntervalSchedule.objects.create(every=60, period=IntervalSchedule.SECONDS)
    timetable.complete()
    assert IntervalSchedule.objects.filter(every=60).count() == 2
    assert CrontabSchedule.objects.count() == 3


def test_every_entry_is_a_task_with_those_arguments() -> None:
    for entry in timetable.ENTRIES:
        task = current_app.tasks[entry.task]
        names = task.run.__code__.co_varnames[: task.run.__code__.co_argcount]
        assert set(entry.arguments) <= set(names), entry.task


def test_tasks_speak_json_and_are_acknowledged_late() -> None:
    assert tasks.analyse_logs.acks_late  # type: ignore[attr-defined]
    assert (current_app.conf.task_serializer, list(current_app.conf.accept_content)) == ("json", ["json"])
    longest = max(task.time_limit or current_app.conf.task_time_limit for task in current_app.tasks.values())
    assert longest < current_app.conf.broker_transport_options["visibility_timeout"]


def test_the_command_says_what_it_made() -> None:
    out = StringIO()
    call_command("timetable", stdout=out)
    assert out.getvalue().splitlines()[0] == "analyse_logs is in the timetable now"
    out = StringIO()
    call_command("timetable", stdout=out)
    assert out.getvalue() == ""
