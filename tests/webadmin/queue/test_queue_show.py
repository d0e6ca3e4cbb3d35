"""One message of the queue: who still waits for it, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.answering import Answering
from tests.support.browser import Browser
from tests.webadmin.town import MESSNUM, NOW, SUMMARY

URL = f"/queue/{MESSNUM}"
pytestmark = pytest.mark.django_db


def recipient(address: str, **more: object) -> dict[str, object]:
    quiet = {"channel": "remote", "is_done": False, "is_under_way": False, "report": "", "reported": 0}
    return {"address": address, **quiet, **more}


def test_each_recipient_has_its_state_and_last_report(web: Browser, queue: Answering) -> None:
    everybody = [
        recipient("ann@far.example", report="192.0.2.7 said: 450 later\n", reported=NOW - 3 * 90_000),
        recipient("bo@far.example", is_under_way=True),
        recipient("joe@example.org", channel="local", is_done=True),
    ]
    queue.answer = lambda words: {**SUMMARY, "sender": "joe@example.org", "all_recipients": everybody}
    page = web.page(URL)
    assert [" ".join(t.text.split()) for t in page.all("tr")[1:]] == [
        "ann@far.example waits remote 192.0.2.7 said: 450 later 3 days ago",
        "bo@far.example under way remote none since qmail-send was started",
        "joe@example.org done local",
    ]
    assert "2, of whom 1 waits" in page.text and "2.0 KB" in page.text


def test_what_can_be_done_about_it(web: Browser, queue: Answering) -> None:
    page = web.page(URL)
    assert {f"{URL}/bounce", f"{URL}/delete", f"/logs?text={MESSNUM}&period=all"} <= set(page.links())
    assert {f"{URL}/retry", f"{URL}/read"} <= {t.get("action") for t in page.all("form")}


def test_one_that_is_under_way_cannot_be_tried(web: Browser, queue: Answering) -> None:
    queue.answer = lambda words: {**SUMMARY, "is_active": True, "all_recipients": []}
    (button,) = [t for t in web.page(URL).all("button") if (f := t.inside("form")) and f.get("action") == f"{URL}/retry"]
    assert "disabled" in button.attributes


def test_one_that_has_left_is_not_found(web: Browser, queue: Answering) -> None:
    assert web.page("/queue/1", 404).heading == "Not found"
    web.page("/queue/" + "9" * 19, 404)


def test_without_qmail_send_it_says_so(web: Browser, home: Path) -> None:
    assert "qmail-send does not answer" in web.page(URL, 503).text
