"""What came of one run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from tests.support.browser import Browser
from webadmin.models import TaskRun

pytestmark = pytest.mark.django_db
BEGIN = datetime(2026, 11, 20, 3, 30, tzinfo=UTC)


def run(name: str, **more: object) -> str:
    quiet = {"state": "done", "started_at": BEGIN, "finished_at": BEGIN + timedelta(minutes=2), "summary": "all is well"}
    return f"/tasks/runs/{TaskRun.objects.create(name=name, **{**quiet, **more}).pk}"


def test_it_says_for_whom_and_what_came_of_it(web: Browser) -> None:
    page = web.page(run("prune_rows", who="ada", state="failed", summary="3 of 5; OperationalError: disk full"))
    assert page.heading == "Run of 2026-11-20 03:30:00"
    assert "failed" in page.text and "for ada. 3 of 5; OperationalError: disk full." in page.text
    assert "/tasks/prune_rows" in page.links()
    assert ". ." not in web.page(run("prune_rows", summary="")).text, "one that says nothing ends in one full stop"


@pytest.mark.parametrize(("is_dry", "heading"), [(True, "What would be deleted"), (False, "What was deleted")])
def test_old_mail_is_counted_and_listed(web: Browser, is_dry: bool, heading: str) -> None:
    domain = {
        "name": "example.org",
        "messages": 3,
        "size_bytes": 3072,
        "by_mailbox": {"joe": 2, "ann": 1},
        "by_reason": {"trash": 2, "unread": 1},
        "sample": [["joe", ".Trash", "1.m\xc3\xbcll", "trash", 1024], ["ann", "", "2.x", "unread", 2048]],
    }
    page = web.page(run("stale_cleanup", details={"is_dry": is_dry, "domains": [domain], "troubles": ["bo: no Maildir"]}))
    text = page.text
    assert heading in text and "example.org : 3 messages, 3.0 KB" in text
    assert "2 in the Trash, 1 unread. joe 2, ann 1." in text and "bo: no Maildir" in text
    assert [" ".join(t.text.split()) for t in page.all("tr")[1:]] == [
        "joe.Trashin the Trash1.0 KB1.müll",
        "anninboxunread2.0 KB2.x",
    ]


def test_drift_that_was_found_can_be_looked_at(web: Browser) -> None:
    assert "/control/drift" in web.page(run("drift_check", details={"number": 2})).links()
    assert "/control/drift" not in web.page(run("drift_check", details={"number": 0})).links()


def test_one_that_is_under_way_says_how_far(web: Browser) -> None:
    url = run("stale_cleanup", state="running", started_at=timezone.now(), finished_at=None, done=30, total=120)
    assert "running for" in web.page(url).text and "25 %" in web.page(url).text


def test_a_run_nobody_knows_is_not_found(web: Browser) -> None:
    web.page("/tasks/runs/1", 404)
    web.page(run("a_task_of_an_older_version"), 404)
