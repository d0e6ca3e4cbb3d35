"""Other names of a domain: the list, and adding one."""

from __future__ import annotations

import pytest

from mta.formats import cdb, users_assign
from tests.support.browser import Browser
from tests.support.instance import Instance
from tests.webadmin.town import domain_row, other_name
from webadmin.models import Domain

URL = "/domains/example.org/other-names"


def test_a_name_is_added(web: Browser, org: Domain, instance: Instance) -> None:
    assert "No other names" in web.page(URL).text
    page = web.done(URL, {"name": "Old.example"}, to=URL)
    assert "old.example is another name of example.org now." in page.text
    assert {"/domains/old.example", "/domains/old.example/delete"} <= set(page.links())
    assert (instance.read("control/rcpthosts") or b"").endswith(b"old.example\n")
    found = users_assign.find(cdb.reader(instance.read("users/cdb") or b"").get, b"old.example-joe")
    assert found is not None and found[1].home == str(instance.home / "domains/example.org").encode()


@pytest.mark.parametrize(("why", "name"), [("itself", "example.org"), ("a domain of its own", "other.test"), ("no domain", "x_y")])
def test_what_can_be_no_name_is_said_beside_it(web: Browser, db: None, why: str, name: str) -> None:
    domain_row()
    domain_row("other.test")
    page = web.send(URL, {"name": name})
    assert page.error("name"), why
    assert page.value("name") == name
    assert Domain.objects.count() == 2


def test_a_name_of_a_name_is_refused(web: Browser, db: None) -> None:
    other_name(domain_row(), "old.example")
    page = web.send("/domains/old.example/other-names", {"name": "new.example"})
    assert "old.example is itself another name of example.org: give that one." in page.text


def test_a_stranger_adds_none(dee: Browser, org: Domain) -> None:
    assert dee.post(URL, {"name": "old.example"})["Location"] == "/login"
    assert Domain.objects.count() == 1
