"""Have a task done now, by a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from queue import Empty
from typing import Any

import pytest
from kombu.exceptions import OperationalError

from appliance.celery import app
from tests.support.browser import Browser
from tests.webadmin.town import domain_row
from webadmin import tasks
from webadmin.models import AuditRow
from webadmin.runs import task_run

pytestmark = pytest.mark.django_db
Taken = Callable[[], list[tuple[str, dict[str, Any]]]]


@pytest.fixture
def taken() -> Iterator[Taken]:
    """What a worker would get: names and arguments."""
    with app.connection_for_read() as connection, connection.SimpleQueue("tawny") as queue:
        queue.clear()

        def get() -> list[tuple[str, dict[str, Any]]]:
            found = []
            while True:
                try:
                    message = queue.get_nowait()
                except Empty:
                    return found
                message.ack()
                found.append((message.headers["task"], message.payload[1]))

        yield get


def test_a_worker_is_asked_and_it_is_noted(web: Browser, taken: Taken) -> None:
    page = web.done("/tasks/drift_check/start", to="/tasks/drift_check")
    assert "It begins in a moment." in page.text
    assert taken() == [("drift_check", {})]
    row = AuditRow.objects.get()
    assert (row.who, row.act, row.name) == ("ada", "task_start", "drift_check")


@pytest.mark.parametrize(
    ("why", "data", "is_dry", "domain"),
    [
        ("the list", {"how": "dry"}, True, ""),
        ("for good", {"how": "delete"}, False, ""),
        ("of one domain", {"how": "dry", "domain": "example.org"}, True, "example.org"),
        ("a form that was cut short only lists", {}, True, ""),
    ],
)
def test_old_mail_is_deleted_only_when_that_was_said(
    web: Browser, taken: Taken, why: str, data: dict[str, str], is_dry: bool, domain: str
) -> None:
    domain_row()
    web.done("/tasks/stale_cleanup/start", data, to="/tasks/stale_cleanup")
    assert taken() == [("stale_cleanup", {"is_dry": is_dry, "domain": domain, "who": "ada", "origin": "127.0.0.1"})], why
    assert AuditRow.objects.get().after == {"dry run": is_dry, "domain": domain or "all"}


def test_a_domain_that_is_not_here_has_no_old_mail(web: Browser, taken: Taken) -> None:
    assert web.post("/tasks/stale_cleanup/start", {"how": "delete", "domain": "gone.example"}).status_code == 404
    assert taken() == [], "least of all that of all the others"


def test_one_that_runs_is_not_started_again(web: Browser, taken: Taken) -> None:
    with task_run("drift_check"):
        assert "It is running already. Wait until it is done." in web.done("/tasks/drift_check/start").text
    assert taken() == [] and not AuditRow.objects.exists()


def test_without_a_broker_it_says_so(web: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def delay() -> None:
        raise OperationalError("nobody there")

    monkeypatch.setattr(tasks.drift_check, "delay", delay)
    page = web.done("/tasks/drift_check/start", to="/tasks/drift_check")
    assert "Tasks cannot be asked for: the broker (CELERY_BROKER_URL) does not answer. Nothing was changed." in page.text
    assert not AuditRow.objects.exists()


def test_a_task_that_is_not_there_is_not_found(web: Browser) -> None:
    assert web.post("/tasks/nothing/start").status_code == 404


def test_a_stranger_starts_nothing(dee: Browser, taken: Taken) -> None:
    assert dee.post("/tasks/stale_cleanup/start", {"how": "delete"})["Location"] == "/login"
    assert taken() == []
