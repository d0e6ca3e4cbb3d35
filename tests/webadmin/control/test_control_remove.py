"""Remove a control file: its default holds again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.browser import Browser
from tests.support.instance import Instance
from webadmin.access import Actor
from webadmin.control.acts import control_set
from webadmin.models import AuditRow

URL = "/control/file/control/concurrencyremote/remove"


@pytest.fixture
def fifty(instance: Instance, ada: Actor) -> None:
    control_set(ada, "control/concurrencyremote", b"50\n")


def test_it_says_what_holds_then_and_removes_it(web: Browser, fifty: None, instance: Instance) -> None:
    page = web.page(URL)
    assert "Without the file its default holds: 20 deliveries" in page.text and "-50" in page.text
    done = web.done(URL, {"seen": page.value("seen")}, to="/control/file/control/concurrencyremote")
    assert "control/concurrencyremote was removed: generation" in done.text
    assert instance.read("control/concurrencyremote") is None
    assert AuditRow.objects.get(act="control_remove").before == {"value": "50\n"}


@pytest.mark.parametrize("path", ["control/rcpthosts", "control/me", "users/assign"])
def test_what_no_instance_can_be_without_stays(web: Browser, instance: Instance, path: str) -> None:
    url = f"/control/file/{path}/remove"
    page = web.page(url)
    assert path in page.text and page.all("form") == [t for t in page.all("form") if t.inside("header")]
    web.send(url, {"seen": ""})
    assert url not in web.page(f"/control/file/{path}").links(), "nor is it offered"
    assert instance.read(path) is not None


def test_what_somebody_else_has_changed_meanwhile_stays(web: Browser, fifty: None, instance: Instance) -> None:
    seen = web.page(URL).value("seen")
    control_set(Actor("bo", "192.0.2.2"), "control/concurrencyremote", b"60\n")
    assert "was changed by bo while you looked at it" in web.send(URL, {"seen": seen}).text
    assert instance.read("control/concurrencyremote") == b"60\n"


def test_a_file_that_is_not_there_is_not_found(web: Browser, db: None, home: Path) -> None:
    web.page(URL, 404)


def test_a_stranger_removes_nothing(dee: Browser, web: Browser, fifty: None, instance: Instance) -> None:
    assert dee.post(URL, {"seen": web.page(URL).value("seen")})["Location"] == "/login"
    assert instance.read("control/concurrencyremote") == b"50\n"
