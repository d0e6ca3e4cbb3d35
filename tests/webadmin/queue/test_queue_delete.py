"""Delete a message of the queue: nobody is told."""

from __future__ import annotations

import pytest

from tests.support.answering import Answering
from tests.support.browser import Browser
from tests.webadmin.town import HOSTILE, MESSNUM, SUMMARY, queue_answer
from webadmin.models import AuditRow

URL = f"/queue/{MESSNUM}/delete"
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("left", "said"), [(1, "nor the 1 recipient who still waits."), (2, "nor the 2 recipients who still wait.")])
def test_it_says_whom_it_is_taken_from(web: Browser, queue: Answering, left: int, said: str) -> None:
    queue.answer = lambda words: {**SUMMARY, "left": left, "all_recipients": []}
    page = web.page(URL)
    assert said in page.text
    assert f"/queue/{MESSNUM}/bounce" in page.links(), "the kinder way"


def test_it_is_done_after_a_question_and_noted(web: Browser, queue: Answering) -> None:
    page = web.page(URL)
    assert "Delete message 4711?" in page.text and f"/queue/{MESSNUM}" in page.links()
    assert [b"delete", b"4711"] not in queue.asked
    assert f"Message {MESSNUM} was deleted. Nobody was told." in web.done(URL, to="/queue").text
    assert queue.asked.count([b"delete", b"4711"]) == 1
    row = AuditRow.objects.get()
    assert (row.who, row.act, row.name) == ("ada", "queue_delete", str(MESSNUM))
    assert row.before == {"sender": f"{HOSTILE}@far.example", "recipients left": [f"{HOSTILE}@far.example"], "size": 2048}


def test_when_it_is_refused_the_question_stays(web: Browser, queue: Answering) -> None:
    queue.answer = lambda words: [b"Z", b"it is being delivered just now"] if words[0] == b"delete" else queue_answer(words)
    page = web.send(URL, status=503)
    assert "Not now, and nothing was changed: It is being delivered just now." in page.text
    assert "Delete message 4711?" in page.text
    assert not AuditRow.objects.exists()


def test_one_that_has_left_is_not_found(web: Browser, queue: Answering) -> None:
    web.page("/queue/1/delete", 404)
    assert web.post("/queue/1/delete").status_code == 404
    assert not AuditRow.objects.exists()


def test_a_stranger_does_nothing(dee: Browser, queue: Answering) -> None:
    assert dee.post(URL)["Location"] == "/login"
    assert queue.asked == []
