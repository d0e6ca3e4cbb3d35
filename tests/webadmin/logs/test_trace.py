"""One message, from its arrival to its end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.webadmin.logs.conftest import START, Logs
from webadmin.logs import raw
from webadmin.logs import trace as trace_
from webadmin.logs.trace import Trace, trace
from webadmin.models import LogPosition, Message

pytestmark = pytest.mark.django_db

ARRIVAL = "smtpd: ok: 192.0.2.7: qp 77 from <joe@x.example> bytes 295 recipients 1 helo mx.x.example ESMTPS"
INFO = "info msg 5: bytes 900 from <joe@x.example> qp 77 uid 64011"


def traced(messnum: int, **fields: object) -> Trace:
    return trace(Message.objects.get(messnum=messnum, **fields), now=START + timedelta(hours=1))


def told(found: Trace) -> list[tuple[str, float]]:
    """Kinds, and seconds since the start."""
    return [(step.kind, (step.at - START).total_seconds()) for step in found.steps]


def test_it_tells_a_message_from_its_arrival_to_its_end(logs: Logs) -> None:
    logs.write("smtpd", ARRIVAL)
    logs.mail("new msg 5", INFO)
    logs.mail("starting delivery 1: msg 5 to remote b@y", "delivery 1: deferral: Sorry,_not_now/")
    logs.mail("starting delivery 2: msg 5 to remote b@y", "delivery 2: success: 192.0.2.9_accepted/", "end msg 5")
    logs.analyse()
    found = traced(5)
    assert told(found) == [("accepted", 1), ("born", 3), ("deferral", 5), ("success", 7), ("ended", 8)]
    assert [step.text for step in found.steps] == [
        "smtpd took it from 192.0.2.7 (mx.x.example, ESMTPS) for 1 recipient",
        "qmail-send took it from the queue: 900 octets from <joe@x.example>, qp 77, uid 64011",
        "not delivered to b@y (remote) yet: Sorry, not now",
        "delivered to b@y (remote): 192.0.2.9 accepted",
        "it left the queue",
    ]
    assert found.deliveries == 2


def test_it_tells_what_is_under_way_and_what_comes_next(logs: Logs) -> None:
    logs.mail(
        INFO,
        "starting delivery 1: msg 5 to remote b@y",
        "starting delivery 2: msg 5 to local y-c@y",
        "starting delivery 3: msg 5 to remote d@y",
        "delivery 1: deferral: wait/",
        "delivery 3: success: ok/",
        "starting delivery 4: msg 5 to remote d@y",
        "delivery 4: deferral: wait/",
        "starting delivery 5: msg 5 to remote b@y",
    )
    logs.analyse()
    found = trace(Message.objects.get(), now=START)
    steps = [(step.kind, step.text, step.at - START) for step in found.steps if step.kind in ("running", "next")]
    assert steps == [
        ("running", "the delivery to c@y (local) is under way", timedelta(seconds=3)),
        ("running", "the delivery to b@y (remote) is under way", timedelta(seconds=9)),
        # born at 1, tried at 7: (isqrt(6) + 20)^2 seconds after the birth
        ("next", "to be tried again: d@y (remote)", timedelta(seconds=1 + 22 * 22)),
    ]


def test_a_try_that_is_due_is_due_now(logs: Logs) -> None:
    logs.mail(INFO, "starting delivery 1: msg 5 to remote b@y", "delivery 1: deferral: wait/")
    logs.analyse()
    assert told(traced(5))[-1] == ("next", 3600)


def test_it_ties_a_message_and_its_bounce(logs: Logs) -> None:
    logs.mail(INFO, "starting delivery 1: msg 5 to remote b@y", "delivery 1: failure: no/", "bounce msg 5 qp 78", "end msg 5")
    logs.mail("info msg 6: bytes 9 from <> qp 78 uid 1", "starting delivery 2: msg 6 to local joe@x", "delivery 2: failure: no/")
    logs.mail("triple bounce: discarding bounce/6", "end msg 6")
    logs.analyse()
    first, bounce = traced(5), traced(6)
    assert [kind for kind, _ in told(first)] == ["born", "failure", "bounced", "ended"]
    assert first.steps[2].message == bounce.message
    assert first.steps[2].text == "a bounce was sent to <joe@x.example>"
    assert [kind for kind, _ in told(bounce)] == ["origin", "born", "failure", "discarded", "ended"]
    assert bounce.steps[0].message == first.message


def test_it_ties_a_message_and_the_copies_it_was_sent_on_as(logs: Logs) -> None:
    logs.mail(INFO, "starting delivery 1: msg 5 to local joe@x", "new msg 6", "info msg 6: bytes 9 from <a@x> qp 780 uid 1")
    logs.mail("delivery 1: success: did_0+1+0/qp_780/", "end msg 5")
    logs.mail("info msg 7: bytes 9 from <a@x> qp 78 uid 1")  # whose qp is the beginning of the other's
    logs.analyse()
    first, copy = traced(5), traced(6)
    assert told(first) == [("born", 1), ("copy", 4), ("success", 5), ("ended", 6)]
    assert first.steps[1].message == copy.message
    assert told(copy)[0] == ("origin", 2)
    assert copy.steps[0].message == first.message
    assert [kind for kind, _ in told(traced(7))] == ["born"]


def test_of_several_with_the_same_qp_it_takes_the_right_one(logs: Logs) -> None:
    logs.write("smtpd", ARRIVAL)
    logs.now += timedelta(hours=3)
    logs.write("smtpd", ARRIVAL.replace("192.0.2.7", "192.0.2.8"), ARRIVAL.replace("192.0.2.7", "192.0.2.9").replace("joe", "ann"))
    logs.mail(INFO)
    logs.now += timedelta(minutes=10)
    logs.write("smtpd", ARRIVAL.replace("192.0.2.7", "192.0.2.10"))
    logs.analyse()
    step = traced(5).steps[0]
    assert step.accepted is not None and step.accepted.ip == "192.0.2.8"


def test_it_says_when_the_beginning_is_not_known(logs: Logs) -> None:
    logs.mail("starting delivery 9: msg 5 to local a@b", "status: exiting")
    logs.analyse()
    found = traced(5)
    assert [step.text for step in found.steps[:2]] == [
        "first seen here: the log of its arrival is gone",
        "the delivery to a@b (local) was broken off when qmail-send ended; it is tried again",
    ]
    assert found.steps[2].kind == "next"


def test_a_number_that_was_used_again_has_nothing_under_way(logs: Logs) -> None:
    logs.mail(INFO, "new msg 5", "info msg 5: bytes 1 from <> qp 99 uid 1", "starting delivery 1: msg 5 to local a@b")
    logs.analyse()
    assert [kind for kind, _ in told(traced(5, qp=77))] == ["born", "ended"]
    assert [kind for kind, _ in told(traced(5, qp=99))] == ["born", "running"]


def test_a_state_of_another_version_tells_nothing(logs: Logs) -> None:
    logs.mail(INFO, "starting delivery 1: msg 5 to local a@b")
    logs.analyse()
    LogPosition.objects.update(state={"other": 1})
    assert [kind for kind, _ in told(traced(5))] == ["born"]


def test_a_message_to_very_many_is_told_in_part(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_, "DELIVERIES_MAX", 3)
    logs.mail(INFO)
    for number in range(1, 6):
        logs.mail(f"starting delivery {number}: msg 5 to local a{number}@b", f"delivery {number}: success: ok/")
    logs.mail("end msg 5")
    logs.analyse()
    found = traced(5)
    assert (found.deliveries, [kind for kind, _ in told(found)].count("success")) == (5, 3)


def test_it_asks_few_questions(logs: Logs, django_assert_max_num_queries: pytest.FixtureRequest) -> None:
    logs.mail(INFO)
    for number in range(1, 50):
        logs.mail(f"starting delivery {number}: msg 5 to local a{number}@b", f"delivery {number}: success: did_0+1+0/qp_{number}/")
    logs.mail("bounce msg 5 qp 9", "end msg 5")
    logs.analyse()
    message = Message.objects.get()
    with django_assert_max_num_queries(6):  # type: ignore[operator]
        trace(message)


# -- the lines themselves ----------------------------------------------------------------------------------------------------------


def test_it_finds_the_lines_again(logs: Logs) -> None:
    logs.mail(
        "new msg 5", "info msg 5: bytes 1 from <old@x> qp 1 uid 1", "starting delivery 8: msg 5 to local o@o", "delivery 8: success: old/"
    )
    logs.mail("end msg 5")
    logs.write("smtpd", ARRIVAL, ARRIVAL.replace("qp 77", "qp 777"))
    ours = [
        "new msg 5",
        INFO,
        "starting delivery 1: msg 5 to local b@y",
        "delivery 1: deferral: wait/",
    ]
    logs.mail(*ours, "starting delivery 2: msg 55 to local b@y", "delivery 2: success: theirs/")
    logs.rotate("qmail-send")
    rest = ["starting delivery 3: msg 5 to local b@y", "delivery 3: success: did_1+0+0/", "end msg 5"]
    logs.mail(*rest, "new msg 5", "info msg 5: bytes 1 from <new@x> qp 2 uid 1")
    logs.analyse()
    found = raw.lines(traced(5, qp=77))
    assert [(line.service, line.text) for line in found] == [("smtpd", ARRIVAL), *(("qmail-send", text) for text in (*ours, *rest))]
    assert found[0].at == START + timedelta(seconds=6)


def test_it_finds_what_is_left_of_them(logs: Logs) -> None:
    logs.mail(INFO)
    gone = logs.rotate("qmail-send")
    logs.mail("starting delivery 1: msg 5 to local b@y")
    logs.analyse()
    gone.unlink()
    assert [line.text for line in raw.lines(traced(5))] == ["starting delivery 1: msg 5 to local b@y"]


def test_it_finds_no_more_than_it_may(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "LINES_MAX", 3)
    logs.mail("new msg 5", INFO, *(f"starting delivery {n}: msg 5 to local b@y" for n in range(1, 9)))
    logs.analyse()
    assert len(raw.lines(traced(5))) == 3


def test_a_log_that_is_gone_is_told(logs: Logs) -> None:
    logs.mail(INFO)
    logs.analyse()
    logs.folder("qmail-send").rename(logs.home / "away")
    with pytest.raises(FileNotFoundError):
        raw.lines(traced(5))
