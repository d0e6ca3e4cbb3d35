"""One change: what was, and what is."""

from __future__ import annotations

import pytest

from tests.support.browser import Browser, Page
from webadmin.access import Actor
from webadmin.audit import views
from webadmin.audit.record import record

pytestmark = pytest.mark.django_db
ADA = Actor("ada", "192.0.2.1")


def lines(page: Page) -> list[str]:
    return [t.text for t in page.all("span") if (d := t.inside("div")) and d.get("class") == "diff"]


def test_facts_are_compared_one_by_one(web: Browser) -> None:
    row = record(ADA, "details_set", "mailbox", "joe@example.org", {"flags": 0, "gecos": "Joe"}, {"flags": 2, "gecos": "Joe"})
    page = web.page(f"/audit/{row.pk}")
    assert page.heading == "Mailbox changed"
    assert "Object joe@example.org Kind mailbox Who ada From 192.0.2.1" in page.text
    assert lines(page) == ["-flags: 0", "+flags: 2", " gecos: Joe"]


def test_a_file_is_compared_line_by_line(web: Browser) -> None:
    row = record(ADA, "control_set", "file", "control/locals", {"value": "a\nb\n"}, {"value": "a\nc\n"})
    assert lines(web.page(f"/audit/{row.pk}")) == [" value:", "     a", "-    b", "+    c"]


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (None, {"real": "example.org"}, ["+real: example.org"]),
        ({"lines": "&joe@example.org\n"}, None, ["-lines: &joe@example.org"]),
        ({"a": 1}, {"a": 1}, [" a: 1"]),
        (None, None, []),
    ],
)
def test_what_came_or_went(web: Browser, before: dict[str, object] | None, after: dict[str, object] | None, shown: list[str]) -> None:
    row = record(ADA, "x", "x", "x", before, after)
    page = web.page(f"/audit/{row.pk}")
    assert lines(page) == shown
    assert ("What changed" in page.text) == bool(shown)


def test_a_great_change_is_cut(web: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "_DIFF_MAX", 3)
    row = record(ADA, "x", "x", "x", None, {"value": "1\n2\n3\n4\n5\n"})
    assert lines(web.page(f"/audit/{row.pk}"))[-1] == "@@ and 3 lines more @@"


def test_one_nobody_wrote_is_not_found(web: Browser) -> None:
    web.page("/audit/1", 404)
