"""The configurations that were put in force."""

from __future__ import annotations

from pathlib import Path

from django.utils import timezone

from tests.support.browser import Browser
from tests.support.instance import Instance
from webadmin.access import Actor
from webadmin.control.acts import control_set
from webadmin.models import Generation


def test_the_newest_is_in_force_and_says_what_was_done(web: Browser, instance: Instance, ada: Actor) -> None:
    now = control_set(ada, "control/databytes", b"1000\n").number
    rows = [" ".join(t.text.split()) for t in web.page("/control/generations").all("tr")[1:]]
    assert rows[0] == f"{now} in force control_set control/databytes ada just now"
    assert f"/control/generations/{now}" in web.page("/control/generations").links()
    assert [row for row in rows if "in force" in row] == rows[:1]


def test_without_the_installer_what_was_noted_is_shown(web: Browser, home: Path) -> None:
    Generation.objects.create(number=7, when=timezone.now(), who="ada", why="the seventh", manifest="")
    page = web.page("/control/generations")
    assert "Which of them are still on the disk cannot be told. The installer does not answer" in page.text
    assert "the seventh" in page.text and "in force" not in page.one("tbody").text
