"""What became of mail: deliveries, by sender, recipient, words, outcome and time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support.browser import Browser, Page
from webadmin.models import Message

pytestmark = pytest.mark.django_db
AGES = {"minutes": timedelta(minutes=5), "hours": timedelta(hours=5), "days": timedelta(days=3), "weeks": timedelta(days=40)}


def delivered(number: int, sender: str, recipient: str, outcome: str = "success", report: str = "ok/", age: str = "minutes") -> Message:
    at = timezone.now() - AGES[age]
    message = Message.objects.create(
        messnum=number, born_at=at, sender=sender, sender_domain=sender.rpartition("@")[2], size_bytes=10, qp=9000 + number
    )
    facts = {"number": 1, "channel": "remote", "recipient": recipient, "domain": recipient.rpartition("@")[2], "delay_s": 1, "xdelay_s": 1}
    message.deliveries.create(**facts, started_at=at, finished_at=at, outcome=outcome, report=report)
    return message


def found(page: Page) -> list[str]:
    """Recipients."""
    cells = [t for t in page.all("td") if t.get("data-label") == "To"]
    return [cell.text.strip() for cell in cells]


def test_before_the_logs_were_read_it_says_how_to_have_them_read(web: Browser) -> None:
    page = web.page("/logs")
    assert "The logs were not read yet" in page.text and "/tasks" in page.links()
    assert "No delivery was found" in page.text


def test_each_delivery_says_whose_and_what_was_answered(web: Browser) -> None:
    message = delivered(1, "joe@example.org", "ann@far.example", "deferral", "192.0.2.9_said:_450_later/try_again/")
    page = web.page("/logs")
    assert "joe@example.org ann@far.example deferred 192.0.2.9 said: 450 later try again" in " ".join(page.one("tbody").text.split())
    assert f"/logs/messages/{message.pk}" in page.links()


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("sender=JOE@example.org", ["a@far.example", "b@far.example"]),
        ("sender=@example.org&outcome=failure", ["b@far.example"]),
        ("recipient=b@far.example", ["b@far.example"]),
        ("recipient=@far.example&sender=<>", ["c@far.example"]),
        ("text=mailbox+full", ["b@far.example"]),
        ("text=3", ["c@far.example"]),
        ("text=9001", ["a@far.example"]),
        ("outcome=deferral", []),
    ],
)
def test_it_finds(web: Browser, query: str, wanted: list[str]) -> None:
    delivered(1, "joe@example.org", "a@far.example", report="192.0.2.9_accepted/")
    delivered(2, "joe@example.org", "b@far.example", "failure", "550_mailbox_full/")
    delivered(3, "", "c@far.example", report="192.0.2.9_accepted/")
    assert sorted(found(web.piece(f"/logs?{query}"))) == wanted


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", ["hours@x.example", "minutes@x.example"]),
        ("period=hour", ["minutes@x.example"]),
        ("period=week", ["days@x.example", "hours@x.example", "minutes@x.example"]),
        ("period=all", ["days@x.example", "hours@x.example", "minutes@x.example", "weeks@x.example"]),
        ("period=days&since={before}&until={before}", ["days@x.example"]),
        ("period=days&since=nonsense", ["days@x.example", "hours@x.example", "minutes@x.example", "weeks@x.example"]),
    ],
)
def test_it_looks_at_the_last_day_unless_asked(web: Browser, query: str, wanted: list[str]) -> None:
    for number, age in enumerate(AGES):
        delivered(number, "joe@example.org", f"{age}@x.example", age=age)
    before = (timezone.now() - AGES["days"]).date().isoformat()
    assert sorted(found(web.piece("/logs?" + query.format(before=before)))) == wanted


def test_what_was_asked_stays_in_the_form(web: Browser) -> None:
    page = web.page("/logs?sender=joe&recipient=ann&text=550&outcome=failure&period=week")
    assert [page.value(name) for name in ("sender", "recipient", "text", "outcome", "period")] == ["joe", "ann", "550", "failure", "week"]


def test_it_pages_without_counting(web: Browser) -> None:
    message = delivered(1, "joe@example.org", "a@x.example")
    row = message.deliveries.get()
    for number in range(2, 52):
        row.pk, row.number = None, number
        row.save()
    first = web.page("/logs?recipient=a@x.example")
    assert len(found(first)) == 50
    (older,) = [t.get("href") for t in first.all("a") if t.get("rel") == "next"]
    assert older == "/logs?recipient=a%40x.example&page=2"
    assert len(found(web.page(older))) == 1
