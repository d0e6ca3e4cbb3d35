"""Undo a deletion."""

from __future__ import annotations

import pytest

from tests.support.browser import Browser
from tests.support.instance import Instance
from webadmin.access import Actor
from webadmin.accounts.acts import mailbox_remove
from webadmin.domains.acts import domain_remove
from webadmin.models import Domain, Mailbox

URL = "/domains/removed/restore"


def test_a_mailbox_comes_back_with_its_mail(web: Browser, org: Domain, instance: Instance, ada: Actor) -> None:
    mail = instance.home / "domains/example.org/joe/Maildir/new/1.m"
    mail.write_bytes(b"Subject: kept\n\n")
    kept = mailbox_remove(ada, org.mailboxes.get())
    page = web.done(URL, {"removed": kept}, to="/domains/example.org/mailboxes/joe")
    assert "joe@example.org is back, with all its mail." in page.text
    assert mail.read_bytes() == b"Subject: kept\n\n"


def test_a_domain_comes_back_with_its_mailboxes(web: Browser, org: Domain, instance: Instance, ada: Actor) -> None:
    kept = domain_remove(ada, org)
    page = web.done(URL, {"removed": kept}, to="/domains/example.org/mailboxes")
    assert "example.org is back" in page.text and "Joe Doe" in page.text
    assert instance.read("control/virtualdomains") == b"example.org:example.org\n"


def test_a_name_that_is_taken_again_is_not_overwritten(web: Browser, org: Domain, instance: Instance, ada: Actor) -> None:
    kept = mailbox_remove(ada, org.mailboxes.get())
    web.done("/domains/example.org/add-mailbox", {"name": "joe", "password": "geheim7890"})
    assert "joe@example.org is here already." in web.done(URL, {"removed": kept}, to="/domains/removed").text
    assert (instance.home / "removed" / kept).is_dir()


@pytest.mark.parametrize("name", ["", "20261121101500-gone.example", "../domains/example.org", "20261121101500-../../etc", "x" * 301])
def test_what_is_not_there_does_not_come_back(web: Browser, org: Domain, name: str) -> None:
    web.done(URL, {"removed": name}, to="/domains/removed")
    assert (Domain.objects.count(), Mailbox.objects.count()) == (1, 1)


def test_a_stranger_restores_nothing(dee: Browser, org: Domain, ada: Actor) -> None:
    kept = domain_remove(ada, org)
    assert dee.post(URL, {"removed": kept})["Location"] == "/login"
    assert not Domain.objects.exists()
