"""Where would mail for this address go, and why?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.answering import Answering
from tests.support.browser import Browser

pytestmark = pytest.mark.django_db
STEP = {"level": 0, "title": "Taken from outside?", "text": "example.org is one of ours", "source": "control/rcpthosts:2"}


def test_it_begins_with_a_question(web: Browser, vmaild: Answering) -> None:
    page = web.page("/explain")
    assert page.value("address") == "" and "outcome" not in page.source
    assert vmaild.asked == []


@pytest.mark.parametrize("typed", ["@", "joe@", "@example.org"])
def test_half_an_address_is_no_question(typed: str, web: Browser, vmaild: Answering) -> None:
    page = web.page("/explain?address=" + typed.replace("@", "%40"), status=422)
    assert "it needs a name, an @ and a domain" in page.error("address") and vmaild.asked == []


def test_each_step_names_the_line_that_decided_it(web: Browser, vmaild: Answering) -> None:
    vmaild.answer = lambda words: {
        "address": words[1].decode(),
        "outcome": "not used when there are ends",
        "ends": ["joe@example.org's Maildir", "sent to far.example", "sent to far.example"],
        "steps": [STEP, {"level": 1, "title": "Forwarded", "text": "to ann@far.example", "source": ""}],
    }
    page = web.page("/explain?address=%20joe%40example.org%20")
    assert vmaild.asked == [[b"explain", b"joe@example.org"]]
    assert page.value("address").strip() == "joe@example.org"
    assert [" ".join(t.text.split()) for t in page.all("li") if (ul := t.inside("ul")) and "outcome" in ul.get("class")] == [
        "joe@example.org's Maildir",
        "sent to far.example (2 times)",
    ]
    assert "Taken from outside? example.org is one of ours control/rcpthosts:2" in page.text
    assert "Forwarded after 1 forward" in page.text


def test_mail_that_goes_nowhere_says_so(web: Browser, vmaild: Answering) -> None:
    vmaild.answer = lambda words: {
        "address": "eve@example.org",
        "outcome": "refused: no mailbox here by that name",
        "ends": [],
        "steps": [STEP],
    }
    page = web.page("/explain?address=eve@example.org")
    assert [t.text for t in page.all("p") if "outcome" in t.get("class")] == ["refused: no mailbox here by that name"]


def test_umlauts_are_asked_as_they_travel(web: Browser, vmaild: Answering) -> None:
    web.page("/explain?address=joe@B%C3%BCcher.example")
    assert vmaild.asked == [[b"explain", b"joe@xn--bcher-kva.example"]]


@pytest.mark.parametrize(("why", "address"), [("nothing", ""), ("no domain", "joe@ü ü"), ("too long", "j" * 1001)])
def test_what_cannot_be_asked_is_said_beside_it(web: Browser, vmaild: Answering, why: str, address: str) -> None:
    page = web.page(f"/explain?address={address}", 422)
    assert page.error("address"), why
    assert page.value("address") == address
    assert vmaild.asked == []


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ([b"D", b"an address has no NUL"], 422, "An address has no NUL."),
        ([b"Z", b"busy"], 503, "Not now, and nothing was changed: Busy. Try again in a moment."),
    ],
)
def test_when_vmaild_has_no_answer_the_question_stays(web: Browser, vmaild: Answering, answer: list[bytes], status: int, said: str) -> None:
    vmaild.answer = lambda words: answer
    page = web.page("/explain?address=joe@example.org", status)
    assert said in page.text and page.value("address") == "joe@example.org"


def test_without_vmaild_it_says_so(web: Browser, home: Path) -> None:
    assert "vmaild, which knows the mailboxes, does not answer." in web.page("/explain?address=joe@example.org", 503).text
