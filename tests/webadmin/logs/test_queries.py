"""What the pages ask."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.webadmin.logs.conftest import START, Logs
from webadmin.logs import queries
from webadmin.logs.queries import Counts
from webadmin.models import Delivery, HourCount

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def deliver(
    logs: Logs, number: int, outcome: str = "success", *, recipient: str = "bob@far.example", sender: str = "joe@x.example"
) -> None:
    logs.mail(
        f"info msg {number}: bytes 10 from <{sender}> qp {7000 + number} uid 1",
        f"starting delivery {number}: msg {number} to remote {recipient}",
        f"delivery {number}: {outcome}: 192.0.2.9_said_{number}/",
        f"end msg {number}",
    )


# -- the last hour -----------------------------------------------------------------------------------------------------------------


def test_the_last_hour_is_counted_in_all_and_in_slots(logs: Logs) -> None:
    deliver(logs, 1)  # just before the first slot
    logs.now = START + timedelta(minutes=7)
    deliver(logs, 2)
    deliver(logs, 3, "deferral")
    logs.now = START + timedelta(minutes=57)
    deliver(logs, 4, "failure")
    logs.mail("info msg 5: bytes 1 from <a@b> qp 1 uid 1", "bounce msg 5 qp 2")
    logs.write("smtpd", "smtpd: ok: 1.2.3.4: qp 1 from <> bytes 1 recipients 1 helo - SMTP", "smtpd: deny: 1.2.3.4: TLS: no")
    logs.write("pop3d", "pop3d: deny: 1.2.3.4: TLS: no")  # which is no mail
    logs.analyse()
    assert HourCount.objects.filter(what="refused").values_list("number").get() == (1,)
    found = queries.last_hour(START + timedelta(minutes=61))
    assert found.total == Counts(accepted=1, refused=1, delivered=1, deferred=1, failed=1, bounced=1)
    assert len(found.slots) == queries.SLOTS
    assert [at for at, _ in found.slots] == [START + timedelta(minutes=m) for m in range(5, 61, 5)]
    counts = dict(found.slots)
    assert counts[START + 5 * MINUTE] == Counts(delivered=1, deferred=1)
    assert counts[START + 55 * MINUTE] == Counts(accepted=1, refused=1, failed=1, bounced=1)
    assert counts[START + 60 * MINUTE] == Counts()


def test_an_hour_in_which_nothing_happened() -> None:
    assert queries.last_hour(START).total == Counts()
    assert queries.newest() is None


def test_it_knows_how_fresh_the_rows_are(logs: Logs) -> None:
    deliver(logs, 1)
    logs.write("webmail", "webmail: INFO: x")
    logs.analyse()
    assert queries.newest() == START + timedelta(seconds=5)


# -- search ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def some(logs: Logs) -> None:
    deliver(logs, 1, sender="Joe@x.example", recipient="bob@far.example")
    deliver(logs, 2, "deferral", sender="", recipient="ann@example.org")
    logs.mail(
        "info msg 3: bytes 10 from <list@x.example> qp 7003 uid 1",
        "starting delivery 3: msg 3 to local example.org-Ann@example.org",
        "delivery 3: failure: Mailbox_is_closed/",
    )
    logs.analyse()


@pytest.mark.parametrize(
    ("why", "question", "numbers"),
    [
        ("everything, the newest first", {}, [3, 2, 1]),
        ("an outcome", {"outcome": "deferral"}, [2]),
        ("a sender, in whatever letters", {"sender": "JOE@x.example"}, [1]),
        ("the null sender", {"sender": "<>"}, [2]),
        ("a sender's domain", {"sender": "@x.example"}, [3, 1]),
        ("a part of a sender", {"sender": "list"}, [3]),
        ("a recipient", {"recipient": "ann@example.org"}, [3, 2]),
        ("a recipient as the log has it", {"recipient": "<example.org-ann@example.org>"}, [3, 2]),
        ("a recipient's domain", {"recipient": "@far.example"}, [1]),
        ("a part of a recipient", {"recipient": "ann"}, [3, 2]),
        ("words of a report", {"text": "mailbox is"}, [3]),
        ("signs that mean something to SQL", {"text": "%"}, []),
        ("a part of an address", {"text": "FAR.ex"}, [1]),
        ("a queue number, and whatever else holds it", {"text": "2"}, [2, 1]),
        ("a qp", {"text": " 7003 "}, [3]),
        ("a number no column holds", {"text": "9" * 40}, []),
        ("nobody", {"sender": "nobody@nowhere.example"}, []),
        ("both", {"sender": "@x.example", "recipient": "@example.org"}, [3]),
        ("since", {"since": START + timedelta(seconds=4)}, [3, 2]),
        ("until", {"until": START + timedelta(seconds=4)}, [1]),
        ("since a moment, which is included", {"since": START + timedelta(seconds=3), "until": START + timedelta(seconds=4)}, [1]),
    ],
)
def test_it_finds_deliveries(why: str, question: dict[str, str | datetime], numbers: list[int], some: None) -> None:
    found = queries.search(**question)  # type: ignore[arg-type]
    assert [row.number for row in found] == numbers, why


def test_it_searches_only_what_the_asker_may_see(some: None) -> None:
    mine = Delivery.objects.filter(domain="example.org")
    assert [row.number for row in queries.search(mine, text="x.example")] == [3]


def test_a_page_is_some_rows_and_whether_there_are_more(some: None) -> None:
    pages = [queries.page(queries.search(), number, size=2) for number in (0, 1, 2, 3)]
    assert [[row.number for row in page.rows] for page in pages] == [[3, 2], [3, 2], [1], []]
    assert [(page.number, page.has_next) for page in pages] == [(1, True), (1, True), (2, False), (3, False)]


def test_a_page_needs_one_question(some: None, django_assert_num_queries: pytest.FixtureRequest) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert [row.message.sender for row in queries.page(queries.search(), 1).rows] == ["list@x.example", "", "joe@x.example"]


@pytest.mark.parametrize(
    ("why", "text", "ips"),
    [
        ("everything", "", ["1.1.1.3", "1.1.1.2", "1.1.1.1"]),
        ("a recipient", "C@d.example", ["1.1.1.1"]),
        ("a sender", "a@b.example", ["1.1.1.1"]),
        ("an address of a client", "1.1.1.2", ["1.1.1.2"]),
        ("words of the reply", "my list", ["1.1.1.1"]),
        ("words of a connection's end", "newline without", ["1.1.1.2"]),
    ],
)
def test_it_finds_refusals(why: str, text: str, ips: list[str], logs: Logs) -> None:
    logs.write(
        "smtpd",
        "smtpd: deny: 1.1.1.1: from <a@b.example>: RCPT_TO:<c@d.example>: 553_that_domain_isn't_in_my_list_(#5.7.1)",
        "smtpd: deny: 1.1.1.2: newline without carriage return in a command",
        "smtpd: deny: 1.1.1.3: TLS: no",
    )
    logs.analyse()
    assert [row.ip for row in queries.search_refused(text=text)] == ips, why


def test_it_finds_logins(logs: Logs) -> None:
    logs.write(
        "login-broker",
        "login-broker: ok pop3 joe@x 1.1.1.1",
        "login-broker: deny pop3 joe@x 1.1.1.2",
        "login-broker: deny pop3 ann@x ::1",
    )
    logs.analyse()
    assert [row.ip for row in queries.search_logins(text="JOE")] == ["1.1.1.2", "1.1.1.1"]
    assert [row.name for row in queries.search_logins(text="::1")] == ["ann@x"]
    assert queries.search_logins(outcome="ok").count() == 1


# -- counts by the hour ------------------------------------------------------------------------------------------------------------


def test_it_sums_hours(logs: Logs) -> None:
    deliver(logs, 1)
    logs.now += timedelta(hours=1)
    deliver(logs, 2)
    deliver(logs, 3, recipient="z@other.example")
    logs.analyse()
    day = START.replace(hour=0, minute=0), START.replace(hour=23)
    assert queries.totals(*day) == {"sent": (3, 30), "success": (3, 30)}
    assert queries.totals(*day, domain="far.example") == {"success": (2, 20)}
    assert queries.totals(START + timedelta(hours=1), day[1])["sent"] == (2, 20)
    assert queries.by_domain("success", *day) == [("far.example", 2, 20), ("other.example", 1, 10)]
    assert queries.by_domain("success", *day, most=1) == [("far.example", 2, 20)]
    hour = START.replace(minute=0)
    assert queries.by_hour("success", *day) == [(hour, 1, 10), (hour + timedelta(hours=1), 2, 20)]
    assert HourCount.objects.filter(domain="").count() == 4
