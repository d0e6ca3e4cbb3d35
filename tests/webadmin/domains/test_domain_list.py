"""Find a domain, or whose an address is."""

from __future__ import annotations

import pytest

from tests.support.browser import Browser
from tests.webadmin.town import alias_row, domain_row, mailbox_row, other_name

pytestmark = pytest.mark.django_db


def names(page_text: str, *wanted: str) -> list[str]:
    return sorted(wanted, key=page_text.index)


def test_without_domains_the_first_one_is_offered(web: Browser) -> None:
    page = web.page("/domains")
    assert "No domains yet" in page.text
    assert "/domains/add" in page.links()


def test_each_domain_is_counted_and_leads_to_its_page(web: Browser) -> None:
    org = domain_row()
    for name in ("joe", "bo"):
        mailbox_row(org, name)
    alias_row(org, "sales", b"&joe@example.org\n")
    other_name(org, "old.example")
    page = web.page("/domains")
    assert {"/domains/example.org", "/domains/old.example"} <= set(page.links())
    rows = [" ".join(tag.text.split()) for tag in page.all("tr")]
    assert "example.org mailboxes of its own 2 1" in rows
    assert "old.example another name of example.org" in rows


def test_the_busiest_come_first_when_asked(web: Browser) -> None:
    domain_row("aaa.example")
    mailbox_row(domain_row("zzz.example"), "joe")
    assert names(web.page("/domains").text, "zzz.example", "aaa.example") == ["aaa.example", "zzz.example"]
    page = web.page("/domains?sort=-mailboxes")
    assert names(page.text, "aaa.example", "zzz.example") == ["zzz.example", "aaa.example"]
    assert [t.get("aria-sort") for t in page.all("th")].count("descending") == 1


def test_it_pages_by_fifty(web: Browser) -> None:
    for number in range(51):
        domain_row(f"d{number:02}.example")
    page = web.page("/domains?sort=name")
    assert "1–50 of 51" in page.text
    assert "d50.example" not in page.text
    (following,) = [t.get("href") for t in page.all("a") if t.get("rel") == "next"]
    assert "d50.example" in web.page("/domains" + following).text


@pytest.mark.parametrize(
    ("why", "search", "found"),
    [
        ("a part", "xample.o", "example.org"),
        ("capitals", "EXAMPLE.ORG", "example.org"),
        ("in its own script", "bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_a_domain_is_found_by(web: Browser, why: str, search: str, found: str) -> None:
    for name in ("example.org", "xn--bcher-kva.example", "other.test"):
        domain_row(name)
    links = web.piece(f"/domains?search={search}").links()
    assert [link for link in links if link.startswith("/")] == [f"/domains/{found}"], why


@pytest.mark.parametrize(
    ("why", "search", "found"),
    [
        ("the beginning", "joe@", ["/domains/example.org/mailboxes/joe"]),
        ("the whole address", "joe@example.org", ["/domains/example.org/mailboxes/joe"]),
        ("by another name of the domain", "joe@old.example", ["/domains/example.org/mailboxes/joe"]),
        ("an alias, whose dots are colons in the file", "sales.d@example", ["/domains/example.org/aliases/sales:dept"]),
        ("everybody there", "@example.org", ["/domains/example.org/mailboxes/joe", "/domains/example.org/aliases/sales:dept"]),
    ],
)
def test_an_address_leads_to_whose_it_is(web: Browser, why: str, search: str, found: list[str]) -> None:
    org = domain_row()
    mailbox_row(org, "joe", gecos="Joe Doe")
    alias_row(org, "sales:dept", b"&joe@example.org\n")
    other_name(org, "old.example")
    assert web.piece(f"/domains?search={search}").links() == found, why


def test_what_is_not_found_is_said_with_the_next_step(web: Browser) -> None:
    domain_row()
    assert "No domain has “nowhere” in its name" in web.page("/domains?search=nowhere").text
    page = web.page("/domains?search=nobody@example.org")
    assert "/explain?address=nobody%40example.org" in page.links()
    assert page.value("search") == "nobody@example.org"
