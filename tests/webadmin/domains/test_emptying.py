"""What was deleted goes for good, later."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django_celery_beat.models import PeriodicTask

from mta.errors import Temporary
from tests.support.browser import Browser
from tests.support.instance import Instance
from tests.webadmin.domains.test_removed_list import keep
from webadmin import tasks, timetable
from webadmin.access import Actor
from webadmin.domains import emptying, removed
from webadmin.mirror import install
from webadmin.models import AuditRow, TaskRun

NOW = datetime(2026, 3, 1, 4, tzinfo=UTC)
OLD, OLDER, YOUNG = "20260128000000-example.org", "20251231235959-joe@example.net", "20260131000000-sue@example.net"


def lie(instance: Instance) -> list[str]:
    return sorted(path.name for path in (instance.home / "removed").iterdir())


def test_what_has_lain_long_enough_goes_with_all_that_is_in_it(instance: Instance, ada: Actor) -> None:
    keep(instance, OLD, OLDER, YOUNG, "lost+found")
    folder = instance.home / "removed"
    (folder / OLDER / "Maildir/new").mkdir(parents=True)
    (folder / OLDER / "Maildir/new/1.m").write_bytes(b"Subject: x\n\n")
    (folder / OLDER / "outside").symlink_to(instance.home / "control")
    for key in (OLDER, YOUNG):
        (folder / f"{key}.line").write_bytes(b"joe:x:1:0::/d:NOQUOTA\n")
    assert str(emptying.empty(ada, now=NOW)) == "2 gone for good"
    assert lie(instance) == [YOUNG, f"{YOUNG}.line", "lost+found"]
    assert instance.read("control/me")
    rows = AuditRow.objects.filter(act="removed_discard").order_by("pk").values_list("kind", "name", "before", "after")
    assert list(rows) == [
        ("domain", "example.org", {"removed": OLD}, None),
        ("mailbox", "joe@example.net", {"removed": OLDER}, None),
    ]


@pytest.mark.parametrize(("why", "days", "left"), [("sooner", 28, []), ("later", 59, [OLD, YOUNG])])
def test_the_timetable_has_the_days(instance: Instance, ada: Actor, why: str, days: int, left: list[str]) -> None:
    keep(instance, OLD, OLDER, YOUNG)
    emptying.keep_set(ada, days)
    emptying.empty(ada, now=NOW)
    assert lie(instance) == left, why


def test_what_was_begun_comes_to_its_end_whatever_its_age(instance: Instance, ada: Actor) -> None:
    keep(instance, f".discard-{YOUNG}")
    assert install.begun() == [YOUNG] and install.removed() == [] and removed.find() == []
    emptying.empty(ada, now=NOW)
    assert lie(instance) == [] and install.begun() == []


def test_what_was_deleted_within_a_day_stays_whoever_asks(instance: Instance, ada: Actor) -> None:
    key = f"{datetime.now(UTC):%Y%m%d%H%M%S}-joe@example.net"
    keep(instance, key, OLD)
    with pytest.raises(ValidationError, match="less than a day ago"):
        install.discard("ada", key)
    found = emptying.empty(ada, now=datetime(2100, 1, 1, tzinfo=UTC))
    assert str(found) == f"1 gone for good; {key}: {key} was removed less than a day ago: it stays"
    assert lie(instance) == [key]
    with pytest.raises(Temporary, match="0 gone"):
        emptying.empty(ada, now=datetime(2100, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("name", [OLD, "../domains", "20260128000000-../x", "lost+found", f".discard-{OLD}", ""])
def test_what_is_not_there_is_refused(instance: Instance, name: str) -> None:
    keep(instance, "lost+found")
    with pytest.raises(ValidationError):
        install.discard("ada", name)
    assert lie(instance) == ["lost+found"]


def test_without_the_installer_it_says_what_to_do(home: object, db: None, ada: Actor) -> None:
    with pytest.raises(Temporary, match="The installer does not answer"):
        emptying.empty(ada)


def test_the_task_and_the_command(instance: Instance) -> None:
    keep(instance, "20200101000000-a.example", "20200101000000-b.example")
    out = StringIO()
    call_command("empty_removed", "--days", "3650", stdout=out)
    assert out.getvalue() == "0 gone for good\n"
    tasks.empty_removed(days=30)
    run = TaskRun.objects.filter(name="empty_removed").latest("pk")
    assert (run.state, run.summary) == ("done", "2 gone for good")
    assert set(AuditRow.objects.filter(act="removed_discard").values_list("who", flat=True)) == {"timetable"}


# -- the pages ---------------------------------------------------------------------------------------------------------------------


def test_the_list_says_when_each_goes(web: Browser, instance: Instance) -> None:
    keep(instance, OLD)
    assert "until somebody takes them away on the machine" in web.page("/domains/removed").text
    timetable.complete()
    text = " ".join(web.page("/domains/removed").text.split())
    assert "They lie in removed/ for 30 days; then a nightly task takes them away for good." in text
    assert "after 2026-02-27" in text


@pytest.mark.parametrize("kwargs", ["", "{}", '{"days": "x"}', '{"days": -3}', '{"days": 1000000}'])
def test_a_row_of_the_timetable_that_says_nonsense_means_thirty_days(db: None, kwargs: str) -> None:
    timetable.complete()
    PeriodicTask.objects.filter(task="empty_removed").update(kwargs=kwargs)
    assert removed.days() == 30
