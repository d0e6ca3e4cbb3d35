"""Try a message now."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.answering import Answering
from tests.support.browser import Browser, Page
from tests.webadmin.town import MESSNUM, queue_answer
from webadmin.models import AuditRow

URL = f"/queue/{MESSNUM}/retry"
pytestmark = pytest.mark.django_db


def test_qmail_send_is_told_and_it_is_noted(web: Browser, queue: Answering) -> None:
    page = web.done(URL, to=f"/queue/{MESSNUM}")
    assert f"Message {MESSNUM} is tried now." in page.text
    assert queue.asked.count([b"retry", b"4711"]) == 1
    assert AuditRow.objects.get().act == "queue_retry"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([b"Z", b"it is being delivered just now"], "Not now, and nothing was changed: It is being delivered just now."),
        ([b"D", b"there is no such message in the queue any more"], "There is no such message in the queue any more."),
    ],
)
def test_what_qmail_send_says_against_it_is_told(web: Browser, queue: Answering, answer: list[bytes], said: str) -> None:
    queue.answer = lambda words: answer if words[0] == b"retry" else queue_answer(words)
    assert said in web.done(URL, to="/queue").text
    assert not AuditRow.objects.exists()


def test_without_qmail_send_it_says_so(web: Browser, home: Path) -> None:
    answer = web.post(URL)
    assert answer.status_code == 303
    assert "qmail-send does not answer" in Page(web.get(answer["Location"])).text
    assert not AuditRow.objects.exists()


def test_a_stranger_tries_nothing(dee: Browser, queue: Answering) -> None:
    assert dee.post(URL)["Location"] == "/login"
    assert queue.asked == []
