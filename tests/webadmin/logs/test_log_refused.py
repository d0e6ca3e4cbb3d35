"""What the servers refused, and why."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support.browser import Browser
from webadmin.models import Refused

pytestmark = pytest.mark.django_db


def refused(**more: str) -> None:
    quiet = {"service": "smtpd", "ip": "192.0.2.9", "sender": "", "recipient": "", "command": "", "reply": "", "why": ""}
    Refused.objects.create(at=timezone.now() - timedelta(minutes=5), **{**quiet, **more})


@pytest.fixture(autouse=True)
def three(db: None) -> None:
    refused(sender="ann@far.example", recipient="nobody@example.org", reply="550_sorry,_no_mailbox_here_by_that_name_(#5.1.1)")
    refused(recipient="x@elsewhere.example", reply="553_sorry,_that_domain_isn't_in_my_list", ip="198.51.100.7")
    refused(service="submission", why="too many wrong passwords", ip="2001:db8::7")


def rows(browser: Browser, query: str = "") -> list[str]:
    return [" ".join(t.text.split()).partition(" ")[2].partition(" ")[2] for t in browser.piece(f"/logs/refused?{query}").all("tr")[1:]]


def test_each_says_who_it_was_and_why(web: Browser) -> None:
    assert rows(web) == [
        "2001:db8::7 submission – – too many wrong passwords",
        "198.51.100.7 smtpd – x@elsewhere.example 553 sorry, that domain isn't in my list",
        "192.0.2.9 smtpd ann@far.example nobody@example.org 550 sorry, no mailbox here by that name (#5.1.1)",
    ]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("nobody@example.org", 1),
        ("ann@far.example", 1),
        ("2001:db8::7", 1),
        ("that+domain", 1),
        ("wrong+passwords", 1),
        ("sorry", 2),
        ("no%00text", 3),
    ],
)
def test_it_finds(web: Browser, text: str, number: int) -> None:
    assert len(rows(web, f"text={text}")) == number


def test_nothing_was_refused(web: Browser) -> None:
    Refused.objects.all().delete()
    assert "No refused mail was found" in web.page("/logs/refused").text
