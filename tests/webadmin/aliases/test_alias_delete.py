"""Delete an alias."""

from __future__ import annotations

import pytest

from tests.support.browser import Browser
from tests.support.instance import Instance
from webadmin.access import Actor
from webadmin.aliases.acts import alias_add
from webadmin.models import Alias, AuditRow, Domain

URL = "/domains/example.org/aliases/sales/delete"
FILE = "domains/example.org/.qmail-sales"


@pytest.fixture(autouse=True)
def sales(org: Domain, ada: Actor) -> None:
    alias_add(ada, org, "sales", ["joe@example.org"])


def test_its_file_goes_and_the_audit_log_keeps_the_lines(web: Browser, instance: Instance) -> None:
    assert "&joe@example.org" in web.page(URL).one("pre").text
    page = web.done(URL, to="/domains/example.org/aliases")
    assert "sales@example.org was deleted." in page.text and "No aliases yet" in page.text
    assert instance.read(FILE) is None
    assert AuditRow.objects.get(act="alias_remove").before == {"lines": "&joe@example.org\n"}


def test_the_only_postmaster_stays(web: Browser, org: Domain, instance: Instance, ada: Actor) -> None:
    alias_add(ada, org, "postmaster", ["joe@example.org"])
    url = "/domains/example.org/aliases/postmaster/delete"
    assert "Every domain needs a postmaster" in web.send(url).text
    assert instance.read("domains/example.org/.qmail-postmaster") == b"&joe@example.org\n"


def test_a_file_changed_by_hand_meanwhile_stays(web: Browser, instance: Instance) -> None:
    (instance.home / FILE).write_bytes(b"&by-hand@example.net\n")
    assert "was changed by somebody else" in web.send(URL).text
    assert Alias.objects.exists() and instance.read(FILE) == b"&by-hand@example.net\n"


def test_a_stranger_deletes_nothing(dee: Browser, instance: Instance) -> None:
    assert dee.post(URL)["Location"] == "/login"
    assert instance.read(FILE) == b"&joe@example.org\n"
