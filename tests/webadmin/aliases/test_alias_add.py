"""Add an alias."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.browser import Browser
from tests.support.instance import Instance
from tests.webadmin.town import alias_row, domain_row, mailbox_row
from webadmin.models import Alias, AuditRow, Domain

URL = "/domains/example.org/add-alias"


def test_it_is_a_file_of_the_domain(web: Browser, org: Domain, instance: Instance) -> None:
    page = web.done(URL, {"name": "Sales.Dept", "targets": "joe@example.org\r\n ann@BÜCHER.example"}, to="/domains/example.org/aliases")
    assert "sales.dept@example.org was added." in page.text
    assert instance.read("domains/example.org/.qmail-sales:dept") == b"&joe@example.org\n&ann@xn--bcher-kva.example\n"
    assert AuditRow.objects.get().act == "alias_add"


@pytest.mark.parametrize(
    ("why", "name", "targets", "field", "said"),
    [
        ("nothing", "", "", "name", "required"),
        ("nobody", "new", "", "targets", "required"),
        ("here already", "sales.dept", "joe@example.org", "name", "is an alias already"),
        ("a mailbox", "joe", "ann@example.net", "name", "joe@example.org"),
        ("the catch-all has its own page", "default", "ann@example.net", "name", ""),
        ("no address", "new", "ann@example.net nobody", "targets", "nobody"),
        ("itself", "new", "new@example.org", "targets", ""),
    ],
)
def test_what_cannot_be_is_said_beside_it(web: Browser, home: Path, why: str, name: str, targets: str, field: str, said: str) -> None:
    org = domain_row()
    mailbox_row(org, "joe")
    alias_row(org, "sales:dept", b"&joe@example.org\n")
    page = web.send(URL, {"name": name, "targets": targets})
    assert said in page.error(field), why
    assert (page.value("name"), page.value("targets")) == (name, targets)
    assert Alias.objects.count() == 1


def test_without_the_installer_nothing_happens_and_nothing_typed_is_lost(web: Browser, home: Path) -> None:
    domain_row()
    page = web.send(URL, {"name": "new", "targets": "ann@example.net"}, status=503)
    assert "The installer does not answer" in page.text
    assert page.value("targets") == "ann@example.net"
    assert not Alias.objects.exists()


def test_a_stranger_adds_none(dee: Browser, org: Domain) -> None:
    assert dee.post(URL, {"name": "new", "targets": "dee@example.net"})["Location"] == "/login"
    assert not Alias.objects.exists()
