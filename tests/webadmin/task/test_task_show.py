"""One task: its runs, what came of the last one, and how far the one is that was just asked for."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support.browser import Browser, Page
from webadmin.models import TaskRun
from webadmin.runs import task_run

pytestmark = pytest.mark.django_db
URL = "/tasks/drift_check"


def run(name: str = "drift_check", **more: object) -> TaskRun:
    then = timezone.now() - timedelta(hours=3)
    quiet = {"name": name, "state": "done", "started_at": then, "finished_at": then + timedelta(seconds=90), "summary": "all is well"}
    return TaskRun.objects.create(**{**quiet, **more})


def is_live(page: Page) -> bool:
    return any(t.get("hx-trigger") == "every 2s" for t in page.tags)


def test_one_that_never_ran(web: Browser) -> None:
    page = web.page(URL)
    assert "It never ran" in page.text and not is_live(page)
    assert f"{URL}/start" in [t.get("action") for t in page.all("form")]


def test_what_came_of_it_and_the_runs_before(web: Browser) -> None:
    first = run(who="ada", started_at=timezone.now() - timedelta(days=2))
    last = run(details={"number": 2}, summary="2 files differ from the database")
    page = web.page(URL)
    assert "done 2 hours ago . 2 files differ from the database." in page.text
    assert "/control/drift" in page.links()
    assert [link for link in page.links() if link.startswith("/tasks/runs/")] == [f"/tasks/runs/{last.pk}", f"/tasks/runs/{first.pk}"]
    assert "1 min 30 s the timetable done" in page.text and " ada done all is well" in page.text


def test_it_follows_a_run(web: Browser) -> None:
    with task_run("drift_check", who="ada") as row:
        TaskRun.objects.filter(pk=row.row.pk).update(done=1, total=2, summary="half of it")
        page = web.page(URL)
        assert is_live(page) and "50 %" in page.text and "half of it" in page.text
    assert not is_live(web.piece(URL))


def test_it_waits_for_one_that_was_asked_for(web: Browser) -> None:
    run()
    now = int(time.time())
    page = web.page(f"{URL}?asked={now}")
    assert is_live(page) and "It begins in a moment." in page.text
    assert "all is well" not in page.text.partition("Its runs")[0], "that was another run"
    late = web.page(f"{URL}?asked={now - 3600}")
    assert "See under Overview whether celery-worker runs" in late.text
    run(started_at=timezone.now() + timedelta(seconds=5))
    assert not is_live(web.piece(f"{URL}?asked={now}"))


@pytest.mark.parametrize("asked", ["x", "-1", "9" * 11, ""])
def test_what_is_no_time_is_not_waited_for(web: Browser, asked: str) -> None:
    assert not is_live(web.page(f"{URL}?asked={asked}"))


def test_deleting_mail_is_two_steps_and_listing_it_is_one(web: Browser) -> None:
    page = web.page("/tasks/stale_cleanup")
    how = {t.get("value"): t.inside("details") is not None for t in page.all("input") if t.get("name") == "how"}
    assert how == {"dry": False, "delete": True}


def test_a_task_that_is_not_there_is_not_found(web: Browser) -> None:
    web.page("/tasks/nothing", 404)
