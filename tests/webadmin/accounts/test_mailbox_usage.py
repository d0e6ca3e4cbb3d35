"""How full one mailbox is: a piece of its pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.answering import Answering
from tests.support.browser import Browser
from tests.webadmin.town import domain_row, mailbox_row

URL = "/domains/example.org/mailboxes/joe/usage"


@pytest.fixture(autouse=True)
def joe(db: None) -> None:
    mailbox_row(domain_row(), "joe", quota="20971520S,100C")


def test_it_says_how_full_and_when_somebody_was_there(web: Browser, vmaild: Answering) -> None:
    facts = {"size_bytes": 9 << 20, "messages": 12, "last_login": 1_700_000_000, "last_ip": "192.0.2.1\n"}
    vmaild.answer = lambda _: {"mailboxes": {"joe": facts}}
    page = web.piece(URL)
    assert "9.0 MB of 20.0 MB, 100 messages" in page.text
    assert "Messages 12 Last login" in page.text and "ago from 192.0.2.1" in page.text
    assert page.one("time").get("title") == "2023-11-14 22:13:20 UTC"
    assert [t.get("aria-label") for t in page.all("svg")] == ["45 % full"]


def test_a_mailbox_that_nobody_used_yet(web: Browser, vmaild: Answering) -> None:
    facts = {"size_bytes": None, "messages": None, "last_login": None, "last_ip": ""}
    vmaild.answer = lambda _: {"mailboxes": {"joe": facts}}
    page = web.piece(URL)
    assert "no Maildir yet" in page.text and "Last login never" in page.text
    assert page.all("svg") == []


def test_one_that_only_the_database_has(web: Browser, vmaild: Answering) -> None:
    vmaild.answer = lambda _: {"mailboxes": {}}
    assert "vmaild does not know this mailbox" in web.piece(URL).text


def test_without_vmaild_the_page_says_so_in_its_place(web: Browser, home: Path) -> None:
    assert "vmaild, which knows the mailboxes, does not answer. Mail still flows." in web.piece(URL).text
