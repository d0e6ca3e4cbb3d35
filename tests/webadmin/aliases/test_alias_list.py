"""The aliases of a domain, and where their mail goes."""

from __future__ import annotations

import pytest

from tests.support.browser import Browser, Page
from tests.webadmin.town import alias_row, domain_row, other_name

URL = "/domains/example.org/aliases"
pytestmark = pytest.mark.django_db


def aliases(page: Page) -> list[str]:
    return [link.rpartition("/")[2] for link in page.links() if link.startswith(URL + "/")]


def test_without_aliases_the_first_one_is_offered(web: Browser) -> None:
    domain_row()
    page = web.page(URL)
    assert "No aliases yet" in page.text
    assert "/domains/example.org/add-alias" in page.links()


def test_each_says_where_its_mail_goes(web: Browser) -> None:
    org = domain_row()
    alias_row(org, "all", b"".join(b"&p%d@example.net\n" % number for number in range(5)))
    alias_row(org, "list", b"|my-list-manager\n&archive@example.org\n")
    rows = [" ".join(t.text.split()) for t in web.page(URL).all("tr")]
    assert rows[1:] == [
        "all p0@example.net, p1@example.net, p2@example.net and 2 more",
        "list archive@example.org own lines",
    ]


@pytest.mark.parametrize(("search", "found"), [("Sales.D", ["sales:dept"]), ("o", ["info"]), ("", ["info", "sales:dept"]), ("x", [])])
def test_it_is_found_as_it_is_written_in_an_address(web: Browser, search: str, found: list[str]) -> None:
    org = domain_row()
    for name in ("sales:dept", "info"):
        alias_row(org, name, b"&joe@example.org\n")
    alias_row(domain_row("other.test"), "sales:dept", b"&joe@example.org\n")
    page = web.page(f"{URL}?search={search}")
    assert aliases(page) == found
    assert ("No alias has “x” in its name" in page.text) == (not found)


def test_another_name_has_none_of_its_own(web: Browser) -> None:
    other_name(domain_row(), "old.example")
    assert web.get("/domains/old.example/aliases")["Location"] == "/domains/old.example"
