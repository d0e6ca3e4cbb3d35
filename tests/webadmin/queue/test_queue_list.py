"""What waits to be delivered."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.answering import Answering
from tests.support.browser import Browser
from tests.webadmin.town import CHANNEL, NOW, STATUS, SUMMARY

DAY = 86400 + 3600  # and a while, for the tests may take some
pytestmark = pytest.mark.django_db


def fill(queue: Answering, *messages: dict[str, object], total: int = 0, **status: object) -> None:
    def answer(words: list[bytes]) -> object:
        if words[0] == b"status":
            return {**STATUS, "messages": len(messages), **status}
        start, size = int(words[1]), int(words[2])
        return {"total": total or len(messages), "messages": messages[start : start + size]}

    queue.answer = answer


def message(number: int, **more: object) -> dict[str, object]:
    quiet = {"sender": "joe@example.org", "first": "ann@example.net", "recipients": 1, "is_bouncing": False, "is_active": False}
    return {**SUMMARY, **quiet, "messnum": number, **more}


def test_an_empty_queue_is_good_news(web: Browser, queue: Answering) -> None:
    fill(queue)
    page = web.page("/queue")
    assert "The queue is empty" in page.text
    assert "/queue/retry-all" not in [t.get("action") for t in page.all("form")]


def test_each_message_says_whose_it_is_and_when_it_is_tried(web: Browser, queue: Answering) -> None:
    fill(
        queue,
        message(1, recipients=3, birth=NOW - 2 * DAY, next=NOW + 3 * DAY, size=3 << 20),
        message(2, sender="", next=NOW - 5),
        message(3, sender="#@[]", is_active=True),
        message(4, sender="m\xc3\xbcller@example.org", first="", is_bouncing=True),
    )
    rows = [" ".join(t.text.split()) for t in web.page("/queue").all("tr")[1:]]
    assert rows[0] == "1 joe@example.org ann@example.net and 2 more 2 days ago in 3 days 3.0 MB"
    assert rows[1].startswith("2 a bounce ann@example.net") and " now " in rows[1]
    assert rows[2].startswith("3 a bounce of a bounce") and "under way" in rows[2]
    assert rows[3].startswith("4 bouncing müller@example.org –")


def test_it_pages_by_fifty(web: Browser, queue: Answering) -> None:
    fill(queue, *(message(number) for number in range(1, 62)))
    page = web.page("/queue?page=2")
    assert queue.asked[-1] == [b"list", b"50", b"50"]
    assert [t.get("id") for t in page.all("a") if t.get("id").startswith("m")] == [f"m{number}" for number in range(51, 62)]
    assert "Page 2 of 2" in page.text and "?page=1" in page.links()
    assert "There is no such page" in web.page("/queue?page=99").text
    for odd in ("-1", "x", "9" * 20):
        web.page(f"/queue?page={odd}")
        assert queue.asked[-1] == [b"list", b"0", b"50"]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"is_exiting": True}, "qmail-send is about to stop"),
        ({"remote": {**CHANNEL, "is_alive": False}}, "A part of qmail-send has died: remote deliveries wait"),
        ({"waiting": 12}, "12 just arrived, not looked at yet"),
        ({"local": {**CHANNEL, "running": 7, "limit": 10}}, "7 /10 local deliveries under way"),
    ],
)
def test_what_is_unusual_about_qmail_send_is_said(web: Browser, queue: Answering, status: dict[str, object], said: str) -> None:
    fill(queue, **status)
    assert said in web.page("/queue").text


def test_it_follows_by_itself(web: Browser, queue: Answering) -> None:
    (live,) = [t for t in web.page("/queue?page=1").tags if t.get("hx-trigger") == "every 10s"]
    assert (live.get("id"), live.get("hx-get")) == ("queue", "/queue?page=1")


def test_without_qmail_send_it_says_that_mail_waits(web: Browser, home: Path) -> None:
    page = web.page("/queue", 503)
    assert "qmail-send does not answer: mail is still taken in, and waits. Start it," in page.text
    assert "mail is still taken in" in web.piece("/queue").text
