"""Logins to mailboxes: who, from where, and whether the password was right."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support.browser import Browser
from webadmin.models import Login

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def three(db: None) -> None:
    at = timezone.now() - timedelta(minutes=5)
    Login.objects.create(at=at, outcome="ok", service="pop3", name="joe@example.org", ip="192.0.2.9", why="")
    Login.objects.create(at=at, outcome="deny", service="smtp", name="joe@example.org", ip="198.51.100.7", why="wrong password")
    Login.objects.create(at=at, outcome="warning", service="imap", name="ann@example.org", ip="192.0.2.9", why="vmaild was away")


def rows(browser: Browser, query: str = "") -> list[str]:
    return [" ".join(t.text.split()).partition(" ")[2].partition(" ")[2] for t in browser.piece(f"/logs/logins?{query}").all("tr")[1:]]


def test_each_says_who_and_whether(web: Browser) -> None:
    assert rows(web) == [
        "ann@example.org imap 192.0.2.9 could not be checked vmaild was away",
        "joe@example.org smtp 198.51.100.7 wrong wrong password",
        "joe@example.org pop3 192.0.2.9 right",
    ]


@pytest.mark.parametrize(("query", "number"), [("text=JOE", 2), ("text=192.0.2.9", 2), ("text=joe&outcome=deny", 1), ("outcome=other", 3)])
def test_it_finds(web: Browser, query: str, number: int) -> None:
    assert len(rows(web, query)) == number


def test_nobody_logged_in(web: Browser) -> None:
    Login.objects.all().delete()
    assert "No login was found" in web.page("/logs/logins").text
