"""Who changed what, when and from where."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.support.browser import Browser
from webadmin.access import Actor
from webadmin.audit.record import record
from webadmin.models import AuditRow

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def rows(db: None) -> None:
    for who, act, kind, name, day in (
        (Actor("ada", "192.0.2.1"), "domain_add", "domain", "example.org", 1),
        (Actor("bo", "192.0.2.2"), "quota_set", "mailbox", "joe@example.org", 2),
        (Actor("ada", "command line"), "operator_password", "operator", "ada", 3),
    ):
        row = record(who, act, kind, name, {"quota": "10485760S"} if act == "quota_set" else None, None)
        AuditRow.objects.filter(pk=row.pk).update(when=datetime(2026, 11, day, 23, 59, 59, tzinfo=UTC))


def found(browser: Browser, query: str = "") -> list[str]:
    return [" ".join(t.text.split())[20:] for t in browser.piece(f"/audit?{query}").all("tr")[1:]]


ADDED, QUOTA, PASSWORD = (
    "ada Domain added example.org 192.0.2.1",
    "bo Quota set joe@example.org 192.0.2.2",
    "ada Operator’s password set ada command line",
)


def test_the_newest_comes_first(web: Browser) -> None:
    assert found(web) == [PASSWORD, QUOTA, ADDED]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("search=example.ORG", [QUOTA, ADDED]),
        ("search=10485760S+bo", [QUOTA]),
        ("search=192.0.2.1", [ADDED]),
        ("who=ada", [PASSWORD, ADDED]),
        ("act=quota_set", [QUOTA]),
        ("since=2026-11-02&until=2026-11-02", [QUOTA]),
        ("until=2026-11-02", [QUOTA, ADDED]),
        ("since=nonsense&who=ada", [PASSWORD, ADDED]),
        ("search=nothing+like+it", []),
    ],
)
def test_it_finds(web: Browser, query: str, wanted: list[str]) -> None:
    assert found(web, query) == wanted


def test_it_offers_those_who_did_something_and_what_was_done(web: Browser) -> None:
    page = web.page("/audit?who=bo&act=quota_set")
    texts = [t.text for t in page.all("option")]
    assert texts == ["everybody", "ada", "bo", "everything", "Domain added", "Operator’s password set", "Quota set"]
    assert [t.text for t in page.all("option") if "selected" in t.attributes] == ["bo", "Quota set"]


def test_nothing_was_found(web: Browser) -> None:
    assert "Nothing was found" in web.page("/audit?search=xyzzy").text
