"""The clock is set while qmail-send runs: what waits goes on waiting as long as it was to, and nothing becomes old at one blow."""

from __future__ import annotations

import json
import os
import time

import pytest

from mta.decisions import tcpto
from mta.decisions.retry import SKIP
from mta.formats.tcpto import Entry
from mta.programs.qmail.qmail_send.jumps import Jumps
from mta.programs.qmail.qmail_send.schedule import Schedule
from tests.programs.qmail.test_qmail_send import MESSAGE, home, kept, order, sender
from tests.support import queue_program
from tests.support.qmail_home import QmailHome

__all__ = ["home", "kept"]
DAY_S, YEARS_S = 86_400, 10 * 365 * 86_400
NOW_S = 1_800_000_000


def test_a_clock_that_goes_its_way_is_not_set() -> None:
    jumps = Jumps()
    assert [jumps.look(NOW_S + t, 50.0 + t) for t in (0, 1, 100, 5000)] == [0, 0, 0, 0]
    assert jumps.look(NOW_S + 10_059, 10_050.0) == 0, "less than a minute"
    assert jumps.birth(NOW_S) == NOW_S


@pytest.mark.parametrize(
    ("why", "settings", "made_s", "birth_s"),
    [
        ("made before it was set ahead: as old as it is", [YEARS_S], NOW_S - 100, NOW_S - 100 + YEARS_S),
        ("made afterwards", [YEARS_S], NOW_S + YEARS_S + 5, NOW_S + YEARS_S + 5),
        ("ahead, and ahead again", [DAY_S, DAY_S], NOW_S - 100, NOW_S - 100 + 2 * DAY_S),
        ("ahead, and right again", [YEARS_S, -YEARS_S], NOW_S - 100, NOW_S - 100),
        ("ahead, and back by half", [2 * DAY_S, -DAY_S], NOW_S - 100, NOW_S - 100 + DAY_S),
        ("set back: the future stays one, which counts as now", [-DAY_S], NOW_S - 100, NOW_S - 100),
        ("back, and right again: younger than it is", [-DAY_S, DAY_S], NOW_S - 2 * DAY_S, NOW_S - DAY_S),
    ],
)
def test_the_birth_of_a_message(why: str, settings: list[int], made_s: int, birth_s: int) -> None:
    jumps, now_s = Jumps(), NOW_S
    jumps.look(now_s, 0.0)
    for by_s in settings:
        now_s += by_s
        assert jumps.look(now_s, 0.0) == by_s
    assert jumps.birth(made_s) == birth_s, why


def test_a_schedule_moves_with_the_clock() -> None:
    schedule = Schedule()
    schedule.add(7, NOW_S + 100)
    schedule.add(8, NOW_S + 50)
    schedule.move(-DAY_S)
    assert schedule.next_due() == NOW_S + 50 - DAY_S
    assert schedule.pop(NOW_S + 60 - DAY_S) == 8
    assert schedule.pop(NOW_S + 60 - DAY_S) is None


def test_a_date_no_attempt_would_have_led_to_counts_for_nothing(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    messnum = home.preprocessed(MESSAGE, b"ada@example.org", local=(b"joe@host.example.org",), age_s=10_000)
    future_s = time.time() + YEARS_S
    os.utime(home.split("local", messnum), (future_s, future_s))
    os.utime(home.split("info", messnum), (future_s - 1000, future_s - 1000))
    with sender(home, kept) as send:
        send.log_until("status: local 0/")
        due_s = json.loads(order(home, b"show", b"%d" % messnum)[1])["next"]
    assert due_s <= time.time() + SKIP[b"local"] ** 2


@pytest.mark.parametrize(
    ("why", "age_s", "is_skipped"),
    [("an hour ago", 3600, True), ("long ago", 90_000, False), ("noted before the clock was set back", -DAY_S, False)],
)
def test_addresses_that_timed_out(why: str, age_s: int, is_skipped: bool) -> None:
    entries = [Entry(b"\x7f\0\0\2", 2, NOW_S - age_s)]
    assert tcpto.is_skipped(entries, b"\x7f\0\0\2", now_s=NOW_S, pid=0) is is_skipped, why
    written = tcpto.timed_out(entries, b"\x7f\0\0\2", now_s=NOW_S)
    assert written is not None and written[1].when_s == NOW_S, why
