"""The command and the task of the analysis."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.webadmin.logs.conftest import Logs
from webadmin import tasks
from webadmin.models import Message, TaskRun
from webadmin.runs import task_run

pytestmark = pytest.mark.django_db

INFO = "info msg 5: bytes 10 from <a@x> qp 1 uid 1"


def test_the_command_says_what_it_read(logs: Logs) -> None:
    logs.mail(INFO, "nonsense")
    out = StringIO()
    call_command("analyse_logs", stdout=out)
    assert out.getvalue() == "2 lines of 1 log, 1 of them damaged or unknown\n"
    assert TaskRun.objects.get().summary == out.getvalue().strip()


def test_the_command_does_not_read_beside_another(logs: Logs) -> None:
    logs.mail(INFO)
    with task_run("analyse_logs"), pytest.raises(CommandError, match="already running") as caught:
        call_command("analyse_logs")
    assert caught.value.returncode == 111
    assert not Message.objects.exists()


def test_the_task_reads(logs: Logs) -> None:
    logs.mail(INFO)
    tasks.analyse_logs()
    assert Message.objects.count() == 1
    assert TaskRun.objects.get().state == "done"


def test_the_task_leaves_a_run_that_is_under_way_alone(logs: Logs) -> None:
    logs.mail(INFO)
    with task_run("analyse_logs"):
        tasks.analyse_logs()
    assert not Message.objects.exists()
    assert TaskRun.objects.count() == 1
