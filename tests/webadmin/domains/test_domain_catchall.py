"""What happens to mail for an address that nobody has."""

from __future__ import annotations

import pytest

from tests.support.browser import Browser, Page
from tests.support.instance import Instance
from webadmin.access import Actor
from webadmin.domains.acts import aliasdomain_add
from webadmin.models import Domain

URL = "/domains/example.org/catch-all"


def chosen(page: Page) -> list[str]:
    return [t.get("value") for t in page.all("input") if t.get("name") == "kind" and "checked" in t.attributes]


@pytest.mark.parametrize(
    ("data", "argument"),
    [
        ({"kind": "delete"}, "delete"),
        ({"kind": "forward", "address": "all@example.net"}, "all@example.net"),
        ({"kind": "mailbox", "mailbox": "joe"}, "{home}/domains/example.org/joe/"),
        ({"kind": "bounce"}, "bounce-no-mailbox"),
    ],
)
def test_a_choice_is_written_and_shown_again(web: Browser, org: Domain, instance: Instance, data: dict[str, str], argument: str) -> None:
    page = web.done(URL, data, to=URL)
    assert "The catch-all of example.org was saved." in page.text
    line = f"|{instance.home}/bin/vdelivermail '' {argument.format(home=instance.home)}\n"
    assert instance.read("domains/example.org/.qmail-default") == line.encode()
    assert chosen(page) == [data["kind"]]
    assert (page.value("mailbox"), page.value("address")) == (data.get("mailbox", ""), data.get("address", ""))


@pytest.mark.parametrize(
    ("why", "data", "field", "said"),
    [
        ("no address", {"kind": "forward"}, "address", "Give an address."),
        ("no mailbox", {"kind": "mailbox"}, "mailbox", "Give the name of a mailbox."),
        ("a mailbox nobody has", {"kind": "mailbox", "mailbox": "eve"}, "mailbox", "There is no mailbox eve in example.org."),
        ("a shell would read it", {"kind": "forward", "address": "a'b@example.net"}, "address", "it becomes part of a command line"),
    ],
)
def test_what_cannot_be_is_said_beside_it(
    web: Browser, org: Domain, instance: Instance, why: str, data: dict[str, str], field: str, said: str
) -> None:
    before = instance.read("domains/example.org/.qmail-default")
    page = web.send(URL, data)
    assert said in page.error(field), why
    assert (chosen(page), page.value(field)) == ([data["kind"]], data.get(field, ""))
    assert instance.read("domains/example.org/.qmail-default") == before


def test_lines_by_hand_are_shown_and_stay(web: Browser, org: Domain, instance: Instance) -> None:
    path = instance.home / "domains/example.org/.qmail-default"
    path.write_bytes(b"|my-own-filter\n")
    web.done("/control/drift/example.org/adopt")
    page = web.page(URL)
    assert "Somebody wrote their own lines into .qmail-default." in page.text and "|my-own-filter" in page.text
    assert chosen(page) == []
    web.done(URL, {"kind": "delete"})
    assert path.read_bytes() == f"|my-own-filter\n|{instance.home}/bin/vdelivermail '' delete\n".encode()


def test_a_file_changed_meanwhile_is_not_written_over(web: Browser, org: Domain, instance: Instance) -> None:
    path = instance.home / "domains/example.org/.qmail-default"
    path.write_bytes(b"|my-own-filter\n")
    page = web.send(URL, {"kind": "delete"})
    assert "was changed by somebody else" in page.text
    assert path.read_bytes() == b"|my-own-filter\n"


def test_another_name_has_none_of_its_own(web: Browser, org: Domain, ada: Actor) -> None:
    aliasdomain_add(ada, org, "old.example")
    assert (
        "old.example is another name of example.org: change it there."
        in web.send("/domains/old.example/catch-all", {"kind": "delete"}).text
    )


def test_a_stranger_changes_nothing(dee: Browser, org: Domain, instance: Instance) -> None:
    assert dee.post(URL, {"kind": "delete"})["Location"] == "/login"
    assert b"bounce-no-mailbox" in (instance.read("domains/example.org/.qmail-default") or b"")
