"""The mailboxes of a domain: who, how full, what is unusual."""

from __future__ import annotations

import pytest

from mta.formats import vpasswd
from tests.support.answering import Answering
from tests.support.browser import Browser, Page, Tag
from tests.webadmin.town import domain_row, mailbox_row, other_name

URL = "/domains/example.org/mailboxes"
pytestmark = pytest.mark.django_db


def mailboxes(page: Page) -> list[str]:
    return [link.rpartition("/")[2] for link in page.links() if link.startswith(URL + "/")]


def badges(page: Page) -> list[list[Tag]]:
    """Of each row."""
    return [[t for t in page.all("span") if "badge" in t.get("class") and t.inside("tr") is row] for row in page.all("tr")[1:]]


def test_without_mailboxes_the_first_one_is_offered(web: Browser) -> None:
    domain_row()
    page = web.page(URL)
    assert "No mailboxes yet" in page.text
    assert "/domains/example.org/add-mailbox" in page.links()


def test_what_is_unusual_about_a_mailbox_is_noted(web: Browser) -> None:
    org = domain_row()
    mailbox_row(org, "plain")
    mailbox_row(org, "locked", crypt="")
    mailbox_row(org, "odd", flags=vpasswd.NO_POP | vpasswd.BOUNCE_MAIL, dotqmail=b"&joe@example.net\n|filter\n")
    noted = [[t.text for t in tag] for tag in badges(web.page(URL))]
    assert noted == [["locked"], ["refuses mail", "no POP3", "forwards all", "own .qmail"], []]


def test_how_full_they_are_comes_afterwards(web: Browser, vmaild: Answering) -> None:
    mailbox_row(domain_row(), "joe", quota="10485760S")
    page = web.page(URL)
    assert "of 10.0 MB" in page.text and vmaild.asked == [], "the list does not wait for it"
    (later,) = [t.get("hx-get") for t in page.tags if t.get("hx-trigger") == "load" and "usage" in t.get("hx-get")]
    filled = web.piece(later)
    assert "9.0 MB of 10.0 MB" in filled.text and "never" not in filled.text
    assert [t.get("aria-label") for t in filled.all("svg") if t.get("role") == "img"] == ["90 % full"]
    assert vmaild.asked == [[b"usage", b"example.org"]]
    assert "9.0 MB" in web.page(URL + "?usage=1").text, "without script"


def test_when_nobody_can_tell_how_full_they_are_the_list_is_still_there(web: Browser, vmaild: Answering) -> None:
    mailbox_row(domain_row(), "joe")
    vmaild.answer = lambda _: [b"Z", b"too busy to count"]
    page = web.piece(URL + "?usage=1")
    assert "How full the mailboxes are cannot be told. Too busy to count." in page.text
    assert mailboxes(page) == ["joe"]


@pytest.mark.parametrize(
    ("why", "search", "found"), [("a name", "JO", ["joe"]), ("a person", "smith", ["bo"]), ("both", "o", ["bo", "joe"]), ("none", "x", [])]
)
def test_it_finds_names_and_persons(web: Browser, why: str, search: str, found: list[str]) -> None:
    org = domain_row()
    mailbox_row(org, "joe", gecos="Joe Doe")
    mailbox_row(org, "bo", gecos="Bo Smith")
    mailbox_row(domain_row("other.test"), "joe")
    page = web.page(f"{URL}?search={search}")
    assert mailboxes(page) == found, why
    assert page.value("search") == search
    assert ("No mailbox or person has “x” in the name" in page.text) == (not found)


def test_they_can_be_sorted_by_when_they_were_added(web: Browser) -> None:
    org = domain_row()
    for position, name in enumerate(("zoe", "ada", "max")):
        mailbox_row(org, name, position=position)
    assert mailboxes(web.page(URL)) == ["ada", "max", "zoe"]
    assert mailboxes(web.page(URL + "?sort=-added")) == ["max", "ada", "zoe"]


def test_a_thousand_are_shown_by_fifty(web: Browser) -> None:
    org = domain_row()
    for number in range(51):
        mailbox_row(org, f"m{number:02}")
    assert len(mailboxes(web.page(URL))) == 50
    assert mailboxes(web.page(URL + "?page=2")) == ["m50"]
    assert mailboxes(web.page(URL + "?page=99")) == ["m50"], "behind the last one is the last one"


def test_another_name_has_none_of_its_own(web: Browser) -> None:
    other_name(domain_row(), "old.example")
    assert web.get("/domains/old.example/mailboxes")["Location"] == "/domains/old.example"
