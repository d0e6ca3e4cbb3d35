"""Add a mailbox."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mta.formats import vpasswd
from mta.unix import crypt
from tests.support.browser import Browser
from tests.support.instance import Instance
from tests.webadmin.town import alias_row, domain_row, mailbox_row
from webadmin.models import AuditRow, Domain, Mailbox

URL = "/domains/example.org/add-mailbox"


def account(instance: Instance, name: bytes) -> vpasswd.Account:
    return next(a for a in vpasswd.read(instance.read("domains/example.org/vpasswd") or b"") if a.name == name)


def test_it_takes_mail_and_logins_at_once(web: Browser, org: Domain, instance: Instance) -> None:
    data = {"name": "Ann.Lee", "gecos": "Ann Lee", "password": "geheim7890", "quota": "2g"}
    page = web.done(URL, data, to="/domains/example.org/mailboxes/ann.lee")
    assert "ann.lee@example.org was added." in page.text
    found = account(instance, b"ann.lee")
    assert (found.gecos, found.quota, crypt.verify(b"geheim7890", found.crypt)) == (b"Ann Lee", b"2147483648S", True)
    assert (instance.home / "domains/example.org/ann.lee/Maildir/new").is_dir()
    assert AuditRow.objects.get().name == "ann.lee@example.org"


def test_a_password_is_made_up_and_said_once(web: Browser, org: Domain, instance: Instance) -> None:
    page = web.done(URL, {"name": "ann"})
    found = re.search(r"Its password is (\S{8,}) Note it now", page.text)
    assert found is not None and crypt.verify(found[1].encode(), account(instance, b"ann").crypt)
    assert found[1] not in web.page("/domains/example.org/mailboxes/ann").source
    assert not AuditRow.objects.filter(words__contains=found[1].lower()).exists()


@pytest.mark.parametrize(
    ("why", "data", "field", "said"),
    [
        ("nothing", {}, "name", "required"),
        ("here already", {"name": "Joe"}, "name", "joe@example.org is here already."),
        ("an alias", {"name": "sales.dept"}, "name", "Remove the alias first."),
        ("a way out of the directory", {"name": "../joe"}, "name", ""),
        ("a colon ends a field of vpasswd", {"name": "ann", "gecos": "Ann: Lee"}, "gecos", ""),
        ("no quota", {"name": "ann", "quota": "much"}, "quota", ""),
        ("too short", {"name": "ann", "password": "short"}, "password", "at least 8 characters"),
    ],
)
def test_what_cannot_be_is_said_beside_it(web: Browser, home: Path, why: str, data: dict[str, str], field: str, said: str) -> None:
    org = domain_row()
    mailbox_row(org, "joe")
    alias_row(org, "sales:dept", b"&joe@example.org\n")
    page = web.send(URL, data)
    assert said in page.error(field), why
    assert [page.value(name) for name in ("name", "gecos", "quota")] == [data.get(name, "") for name in ("name", "gecos", "quota")]
    assert page.value("password") == ""
    assert Mailbox.objects.count() == 1


def test_without_the_installer_nothing_happens_and_nothing_typed_is_lost(web: Browser, home: Path) -> None:
    domain_row()
    page = web.send(URL, {"name": "ann", "gecos": "Ann Lee"}, status=503)
    assert "The installer does not answer, so nothing was changed." in page.text
    assert (page.value("name"), page.value("gecos")) == ("ann", "Ann Lee")
    assert not Mailbox.objects.exists() and not AuditRow.objects.exists()


def test_a_stranger_adds_none(dee: Browser, org: Domain) -> None:
    assert dee.post(URL, {"name": "dee", "password": "geheim7890"})["Location"] == "/login"
    assert Mailbox.objects.count() == 1
