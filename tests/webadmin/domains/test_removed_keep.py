"""How long what was deleted is kept."""

from __future__ import annotations

import pytest
from django_celery_beat.models import PeriodicTask

from tests.support.browser import Browser
from tests.support.instance import Instance
from webadmin import timetable
from webadmin.domains import removed
from webadmin.models import AuditRow

URL = "/domains/removed/keep"


def test_how_long_is_said_by_the_operator(web: Browser, instance: Instance) -> None:
    timetable.complete()
    page = web.page(URL)
    assert page.value("days") == "30"
    web.done(URL, {"days": "7"}, to="/domains/removed")
    assert removed.kept_days() == 7 and web.page(URL).value("days") == "7"
    web.done(URL, {"days": ""}, to="/domains/removed")
    row = PeriodicTask.objects.get(task="empty_removed")
    assert (removed.kept_days(), row.enabled) == (None, False)
    web.done(URL, {"days": "90"}, to="/domains/removed")
    assert removed.kept_days() == 90
    found = list(AuditRow.objects.order_by("pk").values_list("act", "before", "after"))
    assert found[-3:] == [
        ("removed_keep_set", {"days": 30}, {"days": 7}),
        ("removed_keep_set", {"days": 7}, {"days": None}),
        ("removed_keep_set", {"days": None}, {"days": 90}),
    ]


@pytest.mark.parametrize(("why", "days"), [("at once", "0"), ("in the past", "-1"), ("for ever", "99999"), ("no number", "a week")])
def test_what_is_no_number_of_days_is_said_beside_it(web: Browser, instance: Instance, why: str, days: str) -> None:
    timetable.complete()
    assert web.send(URL, {"days": days}).error("days"), why
    assert removed.kept_days() == 30


def test_a_stranger_sets_nothing(dee: Browser, instance: Instance) -> None:
    timetable.complete()
    assert dee.post(URL, {"days": "1"})["Location"] == "/login"
    assert removed.kept_days() == 30
