"""Read the beginning of a message of the queue: somebody else's mail, and noted."""

from __future__ import annotations

import pytest

from tests.support.answering import Answering
from tests.support.browser import Browser, Page
from tests.webadmin.town import HOSTILE, MESSNUM, queue_answer
from webadmin.models import AuditRow

URL = f"/queue/{MESSNUM}/read"
pytestmark = pytest.mark.django_db


def test_it_is_shown_as_text_and_noted(web: Browser, queue: Answering) -> None:
    page = Page(web.post(URL))
    (head,) = [t for t in page.all("pre") if t.get("class") == "head"]
    assert head.text == f"Subject: {HOSTILE}\n\n\\xff\\x00body\n"
    row = AuditRow.objects.get()
    assert (row.who, row.act, row.name) == ("ada", "queue_read", str(MESSNUM))
    assert row.after == {"sender": f"{HOSTILE}@far.example", "recipients left": [f"{HOSTILE}@far.example"], "size": 2048}


def test_looking_at_the_message_does_not_read_it(web: Browser, queue: Answering) -> None:
    assert "That you read it is written into the audit log." in web.page(f"/queue/{MESSNUM}").text
    assert web.get(URL).status_code == 405
    assert [b"head", b"4711"] not in queue.asked and not AuditRow.objects.exists()


def test_when_it_cannot_be_read_nothing_is_noted(web: Browser, queue: Answering) -> None:
    queue.answer = lambda words: [b"Z", b"the disk is busy"] if words[0] == b"head" else queue_answer(words)
    page = Page(web.post(URL))
    assert "Not now, and nothing was changed: The disk is busy." in page.text
    assert not AuditRow.objects.exists()


def test_a_stranger_reads_nothing(dee: Browser, queue: Answering) -> None:
    assert dee.post(URL)["Location"] == "/login"
    assert queue.asked == []
