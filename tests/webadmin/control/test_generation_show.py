"""Go back to a generation, with what that changes."""

from __future__ import annotations

from pathlib import Path

from tests.support.browser import Browser
from tests.support.instance import Instance
from webadmin.access import Actor
from webadmin.control.acts import control_set
from webadmin.models import AuditRow, ConfigFile, Domain


def test_what_changes_is_shown_and_then_done(web: Browser, instance: Instance, ada: Actor) -> None:
    first = control_set(ada, "control/rcpthosts", b"first.example\n").number
    control_set(ada, "control/rcpthosts", b"second.example\n")
    url = f"/control/generations/{first}"
    page = web.page(url)
    assert "control_set control/rcpthosts, by ada, just now" in page.text
    assert "+first.example" in page.text and "-second.example" in page.text
    done = web.done(url, to="/control/generations")
    assert f"control/ and users/ are as in generation {first} again" in done.text
    assert instance.read("control/rcpthosts") == b"first.example\n"
    assert bytes(ConfigFile.objects.get(name="rcpthosts").value) == b"first.example\n"
    assert AuditRow.objects.get(act="rollback").who == "ada"


def test_the_one_in_force_has_nothing_to_go_back_to(web: Browser, instance: Instance, ada: Actor) -> None:
    now = control_set(ada, "control/databytes", b"1000\n").number
    page = web.page(f"/control/generations/{now}")
    assert "This generation is in force." in page.text
    assert [t for t in page.all("form") if t.inside("main")] == []


def test_a_domain_deleted_since_is_named(web: Browser, org: Domain, instance: Instance, ada: Actor) -> None:
    number = control_set(ada, "control/databytes", b"1000\n").number
    web.done("/domains/example.org/delete", {"name": "example.org"})
    page = web.send(f"/control/generations/{number}")
    assert "example.org was removed since then" in page.text and "Restore it first, then go back." in page.text
    assert not Domain.objects.exists() and instance.read("control/virtualdomains") in (b"", None)


def test_one_that_never_was_is_not_found(web: Browser, instance: Instance) -> None:
    web.page("/control/generations/99999", 404)


def test_without_the_installer_it_says_what_to_do(web: Browser, home: Path) -> None:
    assert "The installer does not answer" in web.page("/control/generations/1", 503).text


def test_a_stranger_goes_nowhere(dee: Browser, instance: Instance, ada: Actor) -> None:
    first = control_set(ada, "control/databytes", b"1\n").number
    control_set(ada, "control/databytes", b"2\n")
    assert dee.post(f"/control/generations/{first}")["Location"] == "/login"
    assert instance.read("control/databytes") == b"2\n"
