"""What is done by itself, when, and what came of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from tests.support.browser import Browser
from webadmin import timetable
from webadmin.models import TaskRun
from webadmin.runs import task_run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def times(db: None) -> None:
    timetable.complete()


def rows(browser: Browser) -> dict[str, str]:
    page = browser.page("/tasks")
    texts = [" ".join(t.text.split()) for t in page.all("tr")[1:]]
    names = [link.rpartition("/")[2] for link in page.links() if link.startswith("/tasks/")]
    return dict(zip(names, texts, strict=True))


def test_each_says_what_it_does_and_when(web: Browser) -> None:
    found = rows(web)
    assert found["analyse_logs"].startswith("Read the logs") and found["analyse_logs"].endswith("into the database every minute never")
    assert "every 10 minutes" in found["drift_check"]
    assert "every day at 03:30 UTC" in found["stale_cleanup"]


def test_what_an_operator_changed_in_the_timetable_is_what_is_said(web: Browser) -> None:
    PeriodicTask.objects.filter(name="drift_check").update(enabled=False)
    PeriodicTask.objects.filter(name="prune_rows").delete()
    found = rows(web)
    assert "switched off" in found["drift_check"] and "only when somebody asks for it" in found["prune_rows"]


def test_the_last_run_says_what_came_of_it(web: Browser) -> None:
    then = timezone.now() - timedelta(hours=3)
    TaskRun.objects.create(name="drift_check", state="failed", started_at=then, finished_at=then, summary="the installer was away")
    found = rows(web)["drift_check"]
    assert "failed 3 hours ago" in found and found.endswith("the installer was away")


def test_one_that_runs_shows_how_far_it_is_and_the_page_follows(web: Browser) -> None:
    def pace() -> set[str]:
        return {t.get("hx-trigger") for t in web.page("/tasks").tags} - {""}

    assert pace() == {"every 15s"}
    with task_run("stale_cleanup") as run:
        TaskRun.objects.filter(pk=run.row.pk).update(done=30, total=120)
        assert "25 %" in rows(web)["stale_cleanup"]
        assert pace() == {"every 2s"}
