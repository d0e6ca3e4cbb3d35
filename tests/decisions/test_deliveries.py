"""What became of each message and each delivery, line by line."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.decisions.deliveries import Attempt, Born, Bounced, Deliveries, Ended, Record
from mta.formats import qmaillog, tai64n
from mta.formats.qmaillog import Event
from tests.conftest import CORPORA


def told(record: Record) -> str:
    """A record in short, with its times."""
    message = record.message
    who = f"{message.messnum}@{message.birth_ns}"
    match record:
        case Born():
            return f"born {who} {message.size_bytes} {message.sender!r} {message.qp} {message.uid}"
        case Attempt():
            return f"{record.outcome.decode()} {who} {record.number} {record.started_ns}-{record.finished_ns} {record.report.decode()}"
        case Bounced():
            return f"bounced {who} {record.at_ns} {record.qp}"
        case Ended():
            return f"ended {who} {record.at_ns}"


def follow(text: str, state: Deliveries | None = None) -> list[str]:
    """Lines "TIME LINE"."""
    state = Deliveries() if state is None else state
    found = []
    for row in text.strip().splitlines():
        at, _, line = row.strip().partition(" ")
        event = qmaillog.read(line.encode())
        assert event is not None, line
        found += map(told, state.feed(int(at), event))
    return found


INFO = "info msg 5: bytes 9 from <a@x> qp 7 uid 8"


@pytest.mark.parametrize(
    ("why", "log", "expected"),
    [
        (
            "the life of a message",
            f"""1 new msg 5
                2 {INFO}
                3 starting delivery 1: msg 5 to local b@y
                4 status: local 1/10 remote 0/20
                5 delivery 1: success: did_1+0+0/
                6 end msg 5""",
            ["born 5@2 9 b'a@x' 7 8", "success 5@2 1 3-5 did_1+0+0/", "ended 5@2 6"],
        ),
        (
            "deliveries that overlap",
            f"""2 {INFO}
                3 starting delivery 1: msg 5 to local b@y
                4 starting delivery 2: msg 5 to remote c@z
                5 delivery 2: deferral: later/
                6 delivery 1: failure: never/""",
            ["born 5@2 9 b'a@x' 7 8", "deferral 5@2 2 4-5 later/", "failure 5@2 1 3-6 never/"],
        ),
        (
            "a bounce, and a bounce that is thrown away",
            f"""2 {INFO}
                3 bounce msg 5 qp 70
                4 end msg 5
                5 {INFO}
                6 triple bounce: discarding bounce/5""",
            ["born 5@2 9 b'a@x' 7 8", "bounced 5@2 3 70", "ended 5@2 4", "born 5@5 9 b'a@x' 7 8", "bounced 5@5 6 0"],
        ),
        (
            "a report nobody can read is a deferral",
            f"2 {INFO}\n3 starting delivery 1: msg 5 to local b@y\n4 delivery 1: report mangled, will defer",
            ["born 5@2 9 b'a@x' 7 8", "deferral 5@2 1 3-4 report mangled"],
        ),
        (
            "C67: a message that was born in a log that is gone",
            "3 starting delivery 4: msg 5 to local b@y\n4 delivery 4: success: ok/\n5 end msg 5",
            ["born 5@3 None None None None", "success 5@3 4 3-4 ok/", "ended 5@3 5"],
        ),
        ("a delivery nobody saw begin", "4 delivery 4: success: ok/", []),
        ("a message nobody saw begins to end", "4 end msg 5", []),
        (
            "qmail-send ends while a delivery is under way",
            f"2 {INFO}\n3 starting delivery 8: msg 5 to local b@y\n4 status: exiting",
            ["born 5@2 9 b'a@x' 7 8", "interrupted 5@2 8 3-4 "],
        ),
        (
            "qmail-send was killed: numbers begin again",
            f"""2 {INFO}
                3 starting delivery 8: msg 5 to local b@y
                4 starting delivery 1: msg 5 to local b@y
                5 delivery 1: success: ok/""",
            ["born 5@2 9 b'a@x' 7 8", "interrupted 5@2 8 3-4 ", "success 5@2 1 4-5 ok/"],
        ),
        (
            "taken up again after a crash: the same message",
            f"1 new msg 5\n2 {INFO}\n3 new msg 5\n4 {INFO}\n5 starting delivery 1: msg 5 to local b@y\n6 delivery 1: success: ok/",
            ["born 5@2 9 b'a@x' 7 8", "success 5@2 1 5-6 ok/"],
        ),
        (
            "the number is used again, the end was not seen",
            f"2 {INFO}\n3 new msg 5\n4 info msg 5: bytes 1 from <> qp 9 uid 8",
            ["born 5@2 9 b'a@x' 7 8", "ended 5@2 4", "born 5@4 1 b'' 9 8"],
        ),
        (
            "the number is used again, a delivery was under way",
            f"""2 {INFO}
                3 starting delivery 1: msg 5 to local b@y
                4 new msg 5
                5 info msg 5: bytes 1 from <> qp 9 uid 8
                6 delivery 1: success: ok/""",
            ["born 5@2 9 b'a@x' 7 8", "interrupted 5@2 1 3-4 ", "ended 5@2 5", "born 5@5 1 b'' 9 8"],
        ),
        (
            "the number is used again, its info line is damaged",
            f"2 {INFO}\n3 new msg 5\n4 starting delivery 1: msg 5 to local b@y\n5 delivery 1: success: ok/",
            ["born 5@2 9 b'a@x' 7 8", "ended 5@2 4", "born 5@4 None None None None", "success 5@4 1 4-5 ok/"],
        ),
    ],
)
def test_it_follows(why: str, log: str, expected: list[str]) -> None:
    assert follow(log) == expected, why


def test_it_asks_for_messages_it_does_not_know() -> None:
    state = Deliveries()
    follow("2 info msg 5: bytes 9 from <> qp 7 uid 8\n3 starting delivery 1: msg 6 to local b@y", state)
    again = Deliveries.load(state.dump(with_messages=False))
    lines = (b"end msg 5", b"new msg 9", b"delivery 1: success: ok/", b"status: exiting")
    assert again.wanted([event for line in lines if (event := qmaillog.read(line))]) == {5, 6, 9}
    assert state.wanted([event for line in lines if (event := qmaillog.read(line))]) == {9}


NUMBERS = st.integers(1, 4)
TEXTS = st.binary(max_size=6).map(qmaillog.safe)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(qmaillog.NewMsg, NUMBERS),
    st.builds(qmaillog.InfoMsg, NUMBERS, NUMBERS, TEXTS, NUMBERS, NUMBERS),
    st.builds(qmaillog.Starting, NUMBERS, NUMBERS, st.sampled_from([b"local", b"remote"]), TEXTS),
    st.builds(qmaillog.Delivery, NUMBERS, st.sampled_from([b"success", b"deferral", b"failure"]), TEXTS),
    st.builds(qmaillog.Mangled, NUMBERS),
    st.builds(qmaillog.BounceMsg, NUMBERS, NUMBERS),
    st.builds(qmaillog.TripleBounce, NUMBERS),
    st.builds(qmaillog.EndMsg, NUMBERS),
    st.builds(qmaillog.Status, NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.booleans()),
    st.just(qmaillog.Exiting()),
    st.builds(qmaillog.Note, st.just(b"warning"), TEXTS),
)


@given(st.lists(EVENTS, max_size=40), st.integers(0, 40))
def test_it_goes_on_where_it_was_cut(events: list[Event], cut: int) -> None:
    whole, first = Deliveries(), Deliveries()
    expected = [told(record) for at, event in enumerate(events) for record in whole.feed(at, event)]
    found = [told(record) for at, event in enumerate(events[:cut]) for record in first.feed(at, event)]
    second = Deliveries.load(json.loads(json.dumps(first.dump())))
    found += [told(record) for at, event in enumerate(events[cut:], cut) for record in second.feed(at, event)]
    assert found == expected
    assert second.dump() == whole.dump()


@given(st.lists(EVENTS, max_size=60))
def test_nothing_happens_to_a_message_before_its_birth_or_after_its_end(events: list[Event]) -> None:
    state = Deliveries()
    living: dict[int, int] = {}
    for at, event in enumerate(events):
        for record in state.feed(at, event):
            message = record.message
            if isinstance(record, Born):
                assert message.messnum not in living
                living[message.messnum] = message.birth_ns
            assert living[message.messnum] == message.birth_ns
            if isinstance(record, Ended):
                del living[message.messnum]
            elif isinstance(record, Attempt):
                assert message.birth_ns <= record.started_ns <= record.finished_ns
    assert {m.messnum for m in state.messages.values()} == set(living)


def test_it_agrees_with_the_totals_of_a_made_log() -> None:
    folder = CORPORA / "log/synthetic-qmail-send"
    if not folder.exists():
        pytest.skip("the log is not beside this checkout")
    truth: dict[str, Any] = json.loads((folder / "seed1.truth.json").read_text())
    outcomes, senders, born, size = Counter[str](), Counter[str](), 0, 0
    state = Deliveries()
    for line in (folder / "seed1.log").read_bytes().splitlines():
        event = qmaillog.read(line[26:])
        assert event is not None
        for record in state.feed(tai64n.read(line[:25]), event):
            if isinstance(record, Attempt):
                outcomes[record.outcome.decode()] += 1
            elif isinstance(record, Born):
                born += 1
                size += record.message.size_bytes or 0
                senders[(record.message.sender or b"").decode()] += 1
    assert (born, size, dict(senders)) == (truth["messages"], truth["bytes"], truth["per_sender"])
    assert outcomes == {word: truth[word] for word in ("success", "failure", "deferral")}
    assert (state.messages, state.running) == ({}, {})
