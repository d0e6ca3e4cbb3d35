"""The address of a domain: its mailboxes, or whose other name it is."""

from __future__ import annotations

import pytest

from tests.support.browser import Browser
from tests.webadmin.town import domain_row, mailbox_row, other_name

pytestmark = pytest.mark.django_db


def test_a_domain_begins_with_its_mailboxes(web: Browser) -> None:
    domain_row()
    assert web.get("/domains/example.org")["Location"] == "/domains/example.org/mailboxes"


def test_another_name_says_whose(web: Browser) -> None:
    org = domain_row()
    mailbox_row(org, "joe")
    other_name(org, "old.example")
    page = web.page("/domains/old.example")
    assert "reaches the same person as anybody@example.org" in page.text
    tabs = [t.text.strip() for t in page.all("a") if t.inside("nav") and t.inside("main")]
    assert tabs[1:] == ["Another name", "DNS", "Remove"], "it has no mailboxes of its own"


def test_a_name_that_looks_like_another_says_so(web: Browser) -> None:
    domain_row("xn--bcher-kva.example")
    other_name(domain_row(), "xn--xample-2of.org")  # with a Cyrillic letter
    assert "imitates" in web.page("/domains/xn--xample-2of.org").text
    assert "(bücher.example)" in web.page("/domains/xn--bcher-kva.example/mailboxes").text


@pytest.mark.parametrize("name", ["gone.example", "EXAMPLE.org"])
def test_a_domain_that_is_not_here_is_not_found(web: Browser, name: str) -> None:
    domain_row()
    assert web.page(f"/domains/{name}", 404).heading == "Not found"
