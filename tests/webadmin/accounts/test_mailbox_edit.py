"""One mailbox: its person, quota and rights, its password, where its mail goes as well."""

from __future__ import annotations

import re

import pytest

from mta.formats import vpasswd
from mta.unix import crypt
from tests.support.browser import Browser, Page
from tests.support.instance import Instance
from webadmin.models import AuditRow, Domain

URL = "/domains/example.org/mailboxes/joe"
MAY = ("may_pop", "may_imap", "may_webmail", "may_send", "may_change")
DETAILS = {"form": "details", "details-gecos": "Joe Doe", "details-quota": "", **{f"details-{name}": "on" for name in MAY}}


def account(instance: Instance) -> vpasswd.Account:
    (found,) = vpasswd.read(instance.read("domains/example.org/vpasswd") or b"")
    return found


def ticked(page: Page) -> set[str]:
    return {t.get("name") for t in page.all("input") if t.get("type") == "checkbox" and "checked" in t.attributes}


def test_it_shows_what_the_mailbox_has(web: Browser, org: Domain) -> None:
    page = web.page(URL)
    assert page.value("details-gecos") == "Joe Doe"
    assert ticked(page) == {*(f"details-{name}" for name in MAY), "forward-keep_copy"}
    assert "$6$" not in page.source, "no hash leaves the server"


def test_person_quota_and_rights_are_one_line_of_vpasswd(web: Browser, org: Domain, instance: Instance) -> None:
    data = {**DETAILS, "details-gecos": "Jo Doe", "details-quota": "500m,1000c", "details-bounce": "on"}
    del data["details-may_pop"], data["details-may_send"]
    page = web.done(URL, data, to=URL)
    assert "joe@example.org was saved." in page.text
    found = account(instance)
    assert (found.gecos, found.quota) == (b"Jo Doe", b"524288000S,1000C")
    assert found.flags == vpasswd.NO_POP | vpasswd.NO_SMTP | vpasswd.BOUNCE_MAIL
    assert page.value("details-quota") == "500M,1000C"
    assert ticked(page) >= {"details-may_imap", "details-bounce"} and "details-may_pop" not in ticked(page)
    assert [t.text for t in page.all("span") if "badge" in t.get("class")] == ["refuses mail", "no POP3", "no sending"]


def test_bits_of_vpasswd_that_have_no_switch_stay(web: Browser, org: Domain, instance: Instance) -> None:
    org.mailboxes.update(flags=vpasswd.NO_RELAY)
    web.done("/control/drift/example.org/overwrite")
    web.done(URL, {**DETAILS, "details-gecos": "Other"})
    assert account(instance).flags == vpasswd.NO_RELAY


def test_saving_what_is_there_changes_nothing(web: Browser, org: Domain) -> None:
    assert "Nothing was different." in web.done(URL, DETAILS).text
    assert not AuditRow.objects.exists()


def test_a_new_password_holds_at_once(web: Browser, org: Domain, instance: Instance) -> None:
    page = web.done(URL, {"form": "password", "password-password": "anderes4567"}, to=URL)
    assert "joe@example.org has a new password." in page.text and "anderes4567" not in page.source
    assert crypt.verify(b"anderes4567", account(instance).crypt)
    said = re.search(r"Its password is (\S{8,}) Note it now", web.done(URL, {"form": "password"}).text)
    assert said is not None and crypt.verify(said[1].encode(), account(instance).crypt)


def test_mail_goes_on_and_lines_by_hand_stay(web: Browser, org: Domain, instance: Instance) -> None:
    path = instance.home / "domains/example.org/joe/.qmail"
    page = web.done(URL, {"form": "forward", "forward-targets": "a@example.net b@example.net", "forward-keep_copy": "on"}, to=URL)
    copy = f"{instance.home}/domains/example.org/joe/Maildir/\n".encode()
    assert sorted(path.read_bytes().splitlines(True)) == sorted([copy, b"&a@example.net\n", b"&b@example.net\n"])
    assert page.value("forward-targets") == "a@example.net\nb@example.net"
    path.write_bytes(b"|filter\n&a@example.net\n")
    web.done("/control/drift/example.org/adopt")
    page = web.page(URL)
    assert "Lines of its .qmail that somebody wrote by hand." in page.text and "|filter" in page.text
    web.done(URL, {"form": "forward", "forward-targets": "", "forward-keep_copy": "on"})
    assert b"|filter\n" in path.read_bytes() and b"a@example.net" not in path.read_bytes()


@pytest.mark.parametrize(
    ("why", "data", "field", "said"),
    [
        ("no quota", {**DETAILS, "details-quota": "much"}, "details-quota", ""),
        ("a colon ends a field", {**DETAILS, "details-gecos": "a:b"}, "details-gecos", ""),
        ("too short", {"form": "password", "password-password": "short"}, "password-password", "at least 8"),
        ("no address", {"form": "forward", "forward-targets": "nobody"}, "forward-targets", ""),
        ("to itself", {"form": "forward", "forward-targets": "JOE@example.org"}, "forward-targets", "cannot forward to itself"),
        ("into nothing", {"form": "forward", "forward-targets": ""}, "forward-targets", "All mail would be lost"),
    ],
)
def test_what_cannot_be_is_said_beside_it(
    web: Browser, org: Domain, instance: Instance, why: str, data: dict[str, str], field: str, said: str
) -> None:
    before = account(instance)
    page = web.send(URL, data)
    assert said in page.error(field), why
    assert page.value(field) == ("" if "password" in field else data[field])
    assert account(instance) == before and not (instance.home / "domains/example.org/joe/.qmail").exists()


def test_a_line_changed_by_hand_meanwhile_is_not_written_over(web: Browser, org: Domain, instance: Instance) -> None:
    path = instance.home / "domains/example.org/vpasswd"
    path.write_bytes(path.read_bytes().replace(b"Joe Doe", b"Joe by hand"))
    page = web.send(URL, {**DETAILS, "details-gecos": "Joe in the browser"})
    assert "was changed by somebody else" in page.text
    assert page.value("details-gecos") == "Joe in the browser"
    assert account(instance).gecos == b"Joe by hand"


def test_a_mailbox_nobody_has_is_not_found(web: Browser, org: Domain) -> None:
    web.page("/domains/example.org/mailboxes/eve", 404)
    web.page("/domains/example.net/mailboxes/joe", 404)


def test_a_stranger_changes_nothing(dee: Browser, org: Domain, instance: Instance) -> None:
    before = account(instance)
    for data in (
        DETAILS,
        {"form": "password", "password-password": "anderes4567"},
        {"form": "forward", "forward-targets": "dee@example.net"},
    ):
        assert dee.post(URL, data)["Location"] == "/login"
    assert account(instance) == before
