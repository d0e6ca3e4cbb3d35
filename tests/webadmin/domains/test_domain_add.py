"""Add a domain, or another name of one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mta.formats import vpasswd
from mta.unix import crypt
from tests.support.browser import Browser
from tests.support.instance import Instance
from tests.webadmin.town import domain_row
from webadmin.models import AuditRow, Domain

URL = "/domains/add"


def postmaster(instance: Instance) -> bytes:
    (found,) = vpasswd.read(instance.read("domains/example.org/vpasswd") or b"")
    assert found.name == b"postmaster"
    return found.crypt


def test_it_is_in_force_at_once(web: Browser, instance: Instance) -> None:
    page = web.done(URL, {"name": "Example.ORG", "password": "geheim7890"}, to="/domains/example.org/mailboxes")
    assert "example.org was added." in page.text
    assert "geheim7890" not in page.source
    assert (instance.read("control/virtualdomains"), crypt.verify(b"geheim7890", postmaster(instance))) == (
        b"example.org:example.org\n",
        True,
    )
    row = AuditRow.objects.get(act="domain_add")
    assert (row.who, row.name) == ("ada", "example.org")


def test_a_password_is_made_up_and_said_once(web: Browser, instance: Instance) -> None:
    page = web.done(URL, {"name": "example.org"})
    found = re.search(r"The password of postmaster@example\.org is (\S{8,}) Note it now", page.text)
    assert found is not None
    assert crypt.verify(found[1].encode(), postmaster(instance))
    assert found[1] not in web.page("/domains/example.org/mailboxes").source


def test_another_name_shares_the_mailboxes(web: Browser, org: Domain, instance: Instance) -> None:
    page = web.done(URL, {"name": "old.example", "real": "EXAMPLE.org"}, to="/domains/old.example")
    assert "old.example is another name of EXAMPLE.org now." in page.text
    assert (instance.read("users/assign") or b"").startswith(b"+example.org-:example.org:")
    assert b"+old.example-:example.org:" in (instance.read("users/assign") or b"")


@pytest.mark.parametrize(
    ("why", "data", "field", "said"),
    [
        ("nothing", {}, "name", "required"),
        ("no domain", {"name": "no dots"}, "name", ""),
        ("here already", {"name": "example.org"}, "name", "example.org is here already."),
        ("another name of nothing", {"name": "new.example", "real": "gone.example"}, "real", "There is no such domain here. Add it first."),
        ("another name of another name", {"name": "new.example", "real": "old.example"}, "real", "itself another name of example.org"),
        ("too short", {"name": "new.example", "password": "short"}, "password", "at least 8 characters"),
    ],
)
def test_what_cannot_be_is_said_beside_it(web: Browser, home: Path, why: str, data: dict[str, str], field: str, said: str) -> None:
    org = domain_row()
    domain_row("old.example", kind=Domain.Kind.ALIAS, real=org)
    page = web.send(URL, data)
    assert said in page.error(field), why
    assert (page.value("name"), page.value("real")) == (data.get("name", ""), data.get("real", ""))
    assert page.value("password") == "", "a password is never sent back"
    assert Domain.objects.count() == 2


def test_without_the_installer_nothing_happens_and_nothing_typed_is_lost(web: Browser, home: Path) -> None:
    page = web.send(URL, {"name": "example.org", "password": "geheim7890"}, status=503)
    assert "The installer does not answer, so nothing was changed." in page.text
    assert page.value("name") == "example.org"
    assert not Domain.objects.exists() and not AuditRow.objects.exists()


def test_the_machines_own_name_keeps_its_mail(web: Browser, instance: Instance) -> None:
    page = web.send("/domains/add", {"name": "mail.example.org", "password": "geheim7890"})
    assert "this host's own name" in page.error("name")
    assert not Domain.objects.exists()


def test_a_stranger_adds_none(dee: Browser, instance: Instance) -> None:
    assert dee.post(URL, {"name": "example.org"})["Location"] == "/login"
    assert not Domain.objects.exists()
