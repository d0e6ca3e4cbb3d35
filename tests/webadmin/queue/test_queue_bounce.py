"""Send a message back to its sender."""

from __future__ import annotations

import pytest

from tests.support.answering import Answering
from tests.support.browser import Browser
from tests.webadmin.town import HOSTILE, MESSNUM, SUMMARY, queue_answer
from webadmin.models import AuditRow

URL = f"/queue/{MESSNUM}/bounce"
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("sender", "said"),
    [
        ("joe@example.org", "joe@example.org is told that the administrator"),
        ("", "It is a bounce itself, so the postmaster gets it."),
        ("#@[]", "so it is thrown away."),
    ],
)
def test_it_says_who_will_be_told(web: Browser, queue: Answering, sender: str, said: str) -> None:
    queue.answer = lambda words: {**SUMMARY, "sender": sender, "left": 2, "all_recipients": []}
    text = web.page(URL).text
    assert said in text and "The 2 recipients who still wait count as failed." in text


def test_it_is_done_after_a_question_and_noted(web: Browser, queue: Answering) -> None:
    page = web.page(URL)
    assert "Send message 4711 back?" in page.text and f"/queue/{MESSNUM}" in page.links()
    assert [b"bounce", b"4711"] not in queue.asked
    assert f"Message {MESSNUM} goes back to its sender." in web.done(URL, to="/queue").text
    assert queue.asked.count([b"bounce", b"4711"]) == 1
    row = AuditRow.objects.get()
    assert (row.who, row.act, row.name) == ("ada", "queue_bounce", str(MESSNUM))
    assert row.before == {"sender": f"{HOSTILE}@far.example", "recipients left": [f"{HOSTILE}@far.example"], "size": 2048}


def test_when_it_is_refused_the_question_stays(web: Browser, queue: Answering) -> None:
    queue.answer = lambda words: [b"Z", b"it is being delivered just now"] if words[0] == b"bounce" else queue_answer(words)
    page = web.send(URL, status=503)
    assert "Not now, and nothing was changed: It is being delivered just now." in page.text
    assert "Send message 4711 back?" in page.text
    assert not AuditRow.objects.exists()


def test_one_that_has_left_is_not_found(web: Browser, queue: Answering) -> None:
    web.page("/queue/1/bounce", 404)
    assert web.post("/queue/1/bounce").status_code == 404
    assert not AuditRow.objects.exists()


def test_a_stranger_does_nothing(dee: Browser, queue: Answering) -> None:
    assert dee.post(URL)["Location"] == "/login"
    assert queue.asked == []
