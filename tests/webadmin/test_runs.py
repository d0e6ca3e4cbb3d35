"""Runs of tasks: one at a time, their progress, their end, and what is left of them when their process is gone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from mta.errors import Temporary
from mta.unix import alive
from webadmin import runs
from webadmin.models import TaskLock, TaskRun
from webadmin.runs import Busy, task_run

pytestmark = pytest.mark.django_db


def states() -> list[tuple[str, str]]:
    return [(row.state, row.summary) for row in TaskRun.objects.order_by("id")]


def test_it_tells_what_came_of_it() -> None:
    with task_run("count", who="ada") as run:
        run.summary, run.details = "three", {"n": 3}
    row = TaskRun.objects.get()
    assert (row.name, row.who, row.state, row.summary, row.details) == ("count", "ada", "done", "three", {"n": 3})
    assert row.finished_at is not None and row.finished_at >= row.started_at
    assert runs.last("count") == row
    assert not TaskLock.objects.exists()


@pytest.mark.parametrize(
    ("why", "error", "summary"),
    [
        ("a failure of the mail system", Temporary("vmaild does not answer"), "vmaild does not answer"),
        ("one a person can mend", ValidationError("No such domain."), "No such domain."),
        ("the unforeseen", KeyError("x"), "KeyError: 'x'"),
        ("a text no database takes", ValueError("a\0b"), "ValueError: a?b"),
        ("the end of the process", SystemExit(1), "SystemExit: 1"),
    ],
)
def test_it_tells_what_went_wrong(why: str, error: BaseException, summary: str) -> None:
    with pytest.raises(type(error)), task_run("count"):
        raise error
    assert states() == [("failed", summary)], why
    assert not TaskLock.objects.exists()


@pytest.mark.parametrize(("error", "summary"), [(ValueError("x"), "2 of 3; ValueError: x"), (Temporary("2 of 3"), "2 of 3")])
def test_it_tells_how_far_it_came_and_what_went_wrong(error: Exception, summary: str) -> None:
    with pytest.raises(type(error)), task_run("count") as run:
        run.summary = "2 of 3"
        raise error
    assert states() == [("failed", summary)]


def test_there_is_one_run_of_a_name_at_a_time() -> None:
    with task_run("count") as first:
        with pytest.raises(Busy) as caught, task_run("count"):
            pass
        assert caught.value.run == first.row == runs.running("count")
        with task_run("another"):
            pass
    with task_run("count"):
        pass
    assert states() == [("done", ""), ("done", ""), ("done", "")]
    assert runs.running("count") is None


def test_of_two_that_begin_in_the_same_moment_one_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    with task_run("count"):
        monkeypatch.setattr(TaskLock.objects, "select_for_update", TaskLock.objects.none)  # as it was a moment before
        with pytest.raises(Busy, match="count is already running"), task_run("count"):
            pass
    assert states() == [("done", "")]


def test_it_takes_the_place_of_a_run_whose_process_is_gone() -> None:
    with pytest.raises(Busy), task_run("count") as lost:
        TaskLock.objects.update(holder=alive.me().decode().rpartition(" ")[0] + " 1")
        assert runs.running("count") is None
        with task_run("count"):
            pass
        lost._written -= runs.WRITE_EVERY_S
        lost.progress(1)
    assert states()[1] == ("done", "")
    assert states()[0][0] == "failed"


def test_it_takes_the_place_of_a_run_elsewhere_that_says_nothing() -> None:
    with task_run("count"):
        TaskLock.objects.update(holder="elsewhere boot 1 1")
        with pytest.raises(Busy), task_run("count"):
            pass
        TaskLock.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        with task_run("count"):
            assert states()[0] == ("failed", "its process ended before the task was done")


def test_progress_is_seen_and_puts_the_expiry_off() -> None:
    with task_run("count") as run:
        TaskLock.objects.update(expires_at=timezone.now())
        run._written -= runs.WRITE_EVERY_S
        run.progress(3, 12)
        row = TaskRun.objects.get()
        assert (row.done, row.total, row.percent) == (3, 12, 25)
        assert TaskLock.objects.get().expires_at > timezone.now() + timedelta(seconds=runs.SILENCE_S - 60)
        run.progress(12)
    row.refresh_from_db()
    assert (row.done, row.total, row.percent) == (12, 12, 100)


def test_progress_is_not_written_for_every_step(django_assert_num_queries: pytest.FixtureRequest) -> None:
    with task_run("count") as run, django_assert_num_queries(0):  # type: ignore[operator]
        for step in range(1000):
            run.progress(step)
