"""What was deleted and can come back."""

from __future__ import annotations

from pathlib import Path

from tests.support.browser import Browser
from tests.support.instance import Instance


def keep(instance: Instance, *names: str) -> None:
    for name in names:
        (instance.home / "removed" / name).mkdir()


def buttons(browser: Browser, url: str) -> list[str]:
    return [t.get("value") for t in browser.page(url).all("input") if t.get("name") == "removed"]


def test_nothing_was_deleted(web: Browser, instance: Instance) -> None:
    assert "Nothing was deleted" in web.page("/domains/removed").text


def test_the_newest_comes_first_each_with_its_button(web: Browser, instance: Instance) -> None:
    keep(instance, "20261121101500-example.org", "20270101000000-joe@example.net", "lost+found")
    assert buttons(web, "/domains/removed") == ["20270101000000-joe@example.net", "20261121101500-example.org"]
    rows = [" ".join(t.text.split()) for t in web.page("/domains/removed").all("tr")]
    assert [row.split()[:2] for row in rows[1:]] == [["joe@example.net", "mailbox"], ["example.org", "domain"]]


def test_it_can_be_searched(web: Browser, instance: Instance) -> None:
    keep(instance, "20261121101500-example.org", "20270101000000-joe@example.net")
    assert buttons(web, "/domains/removed?search=JOE") == ["20270101000000-joe@example.net"]
    assert "Nothing of this name was deleted" in web.page("/domains/removed?search=nobody").text


def test_without_the_installer_it_says_what_to_do(web: Browser, home: Path) -> None:
    page = web.page("/domains/removed", 503)
    assert page.heading == "This page cannot be shown just now"
    assert "The installer does not answer" in page.text
