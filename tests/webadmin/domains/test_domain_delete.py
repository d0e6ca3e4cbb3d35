"""Delete a domain, with its name typed; or one of its other names."""

from __future__ import annotations

import pytest

from tests.support.browser import Browser
from tests.support.instance import Instance
from webadmin.access import Actor
from webadmin.domains.acts import aliasdomain_add
from webadmin.models import AuditRow, Domain

URL = "/domains/example.org/delete"


def test_it_goes_and_the_way_back_is_shown(web: Browser, org: Domain, instance: Instance, ada: Actor) -> None:
    aliasdomain_add(ada, org, "old.example")
    page = web.page(URL)
    assert "1 mailbox with all mail, and 0 aliases go." in page.text
    assert "Its other names go, too: old.example." in page.text
    page = web.done(URL, {"name": " EXAMPLE.org "}, to="/domains")
    assert "example.org was deleted. Everything in it is kept:" in page.text
    (kept,) = (instance.home / "removed").iterdir()
    assert f"/domains/removed?search={kept.name}" in page.links()
    assert (kept / "joe/Maildir/new").is_dir()
    assert instance.read("control/rcpthosts") == b"localhost\nmail.example.org\n"
    assert not Domain.objects.exists()
    assert AuditRow.objects.get(act="domain_remove").after == {"removed": kept.name}


def test_another_name_goes_alone(web: Browser, org: Domain, instance: Instance, ada: Actor) -> None:
    aliasdomain_add(ada, org, "old.example")
    page = web.done("/domains/old.example/delete", {"name": "old.example"}, to="/domains")
    assert "old.example is no name of example.org any more." in page.text
    assert instance.read("control/virtualdomains") == b"example.org:example.org\n"
    assert (instance.home / "domains/example.org/joe").is_dir()


@pytest.mark.parametrize("name", ["", "example.net", "example.or", "not a domain"])
def test_a_name_typed_wrongly_deletes_nothing(web: Browser, org: Domain, instance: Instance, name: str) -> None:
    page = web.send(URL, {"name": name})
    assert page.error("name") == ("This is not example.org. Nothing was deleted." if name else "This field is required.")
    assert page.value("name") == name
    assert (instance.home / "domains/example.org/joe").is_dir()
    assert Domain.objects.exists()


def test_when_the_files_were_changed_by_hand_nothing_goes(web: Browser, org: Domain, instance: Instance) -> None:
    (instance.home / "control/rcpthosts").write_bytes(b"example.org\nby.hand.example\n")
    assert "control/rcpthosts was changed by somebody else" in web.send(URL, {"name": "example.org"}).text
    assert Domain.objects.exists() and (instance.home / "domains/example.org").is_dir()


def test_a_stranger_deletes_nothing(dee: Browser, org: Domain, instance: Instance) -> None:
    assert dee.post(URL, {"name": "example.org"})["Location"] == "/login"
    assert Domain.objects.exists()
