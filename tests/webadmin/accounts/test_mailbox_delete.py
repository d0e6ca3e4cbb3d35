"""Delete a mailbox; its future mail may go to somebody else."""

from __future__ import annotations

from tests.support.browser import Browser
from tests.support.instance import Instance
from webadmin.access import Actor
from webadmin.accounts.acts import mailbox_add
from webadmin.models import Domain, Mailbox

URL = "/domains/example.org/mailboxes/joe/delete"


def test_it_goes_and_the_way_back_is_shown(web: Browser, org: Domain, instance: Instance) -> None:
    page = web.done(URL, to="/domains/example.org/mailboxes")
    assert "joe@example.org was deleted. Everything in it is kept:" in page.text
    (kept,) = (path for path in (instance.home / "removed").iterdir() if path.is_dir())
    assert f"/domains/removed?search={kept.name.replace('@', '%40')}" in page.links()
    assert (kept / "Maildir/new").is_dir()
    assert instance.read("domains/example.org/vpasswd") == b""


def test_its_mail_goes_to_somebody_else_from_then_on(web: Browser, org: Domain, instance: Instance) -> None:
    page = web.done(URL, {"forward_to": "ann@example.net"})
    assert "Its mail goes to ann@example.net from now on." in page.text
    assert instance.read("domains/example.org/.qmail-joe") == b"&ann@example.net\n"


def test_a_wrong_address_deletes_nothing(web: Browser, org: Domain, instance: Instance) -> None:
    page = web.send(URL, {"forward_to": "nobody"})
    assert page.error("forward_to")
    assert page.value("forward_to") == "nobody"
    assert (instance.home / "domains/example.org/joe").is_dir()


def test_a_postmaster_goes_only_when_somebody_takes_its_mail(web: Browser, org: Domain, instance: Instance, ada: Actor) -> None:
    mailbox_add(ada, org, "postmaster", "geheim7890")
    url = "/domains/example.org/mailboxes/postmaster/delete"
    assert "Every domain needs a postmaster" in web.send(url).error("forward_to")
    web.done(url, {"forward_to": "joe@example.org"})
    assert instance.read("domains/example.org/.qmail-postmaster") == b"&joe@example.org\n"


def test_when_its_line_of_vpasswd_was_changed_by_hand_nothing_goes(web: Browser, org: Domain, instance: Instance) -> None:
    path = instance.home / "domains/example.org/vpasswd"
    path.write_bytes(path.read_bytes().replace(b":NOQUOTA\n", b":1M\n"))
    assert "was changed by somebody else" in web.send(URL).text
    assert Mailbox.objects.exists() and (instance.home / "domains/example.org/joe").is_dir()


def test_a_stranger_deletes_nothing(dee: Browser, org: Domain, instance: Instance) -> None:
    assert dee.post(URL)["Location"] == "/login"
    assert Mailbox.objects.exists()
