"""Try every message now."""

from __future__ import annotations

import pytest

from tests.support.answering import Answering
from tests.support.browser import Browser
from tests.webadmin.town import queue_answer
from webadmin.models import AuditRow

URL = "/queue/retry-all"
pytestmark = pytest.mark.django_db


def test_qmail_send_is_told_and_it_is_noted(web: Browser, queue: Answering) -> None:
    assert URL in [t.get("action") for t in web.page("/queue").all("form")]
    assert "Every message is tried now." in web.done(URL, to="/queue").text
    assert queue.asked.count([b"retry", b"all"]) == 1
    row = AuditRow.objects.get()
    assert (row.who, row.act, row.name) == ("ada", "queue_retry", "all")


def test_when_it_is_refused_that_is_told(web: Browser, queue: Answering) -> None:
    queue.answer = lambda words: [b"Z", b"qmail-send is about to stop"] if words[0] == b"retry" else queue_answer(words)
    assert "nothing was changed: qmail-send is about to stop." in web.done(URL, to="/queue").text
    assert not AuditRow.objects.exists()


def test_a_stranger_tries_nothing(dee: Browser, queue: Answering) -> None:
    assert dee.post(URL)["Location"] == "/login"
    assert queue.asked == []
