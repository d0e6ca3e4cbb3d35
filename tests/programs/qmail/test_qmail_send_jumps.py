"""The clock is set while qmail-send runs: what waits goes on waiting as long as it was to, and nothing becomes old at one blow."""

from __future__ import annotations

import json
import os
import time
from collections import deque

import pytest

from mta.decisions import tcpto
from mta.decisions.retry import SKIP
from mta.formats.tcpto import Entry
from mta.programs.qmail.qmail_send import jumps
from mta.programs.qmail.qmail_send.channels import Channel, Job
from mta.programs.qmail.qmail_send.core import Core
from mta.programs.qmail.qmail_send.jumps import Watch
from mta.programs.qmail.qmail_send.say import Say
from mta.programs.qmail.qmail_send.schedule import Schedule
from mta.unix.queuedir import Paths
from tests.crash.kill_sim import CONTROLS
from tests.programs.qmail.test_qmail_send import MESSAGE, home, kept, order, sender
from tests.support import queue_program
from tests.support.qmail_home import QmailHome
from tests.support.sim_disk import Queue, SimDisk

__all__ = ["home", "kept"]
DAY_S, YEARS_S = 86_400, 10 * 365 * 86_400
NOW_S = 1_800_000_000


def test_a_clock_that_goes_its_way_is_not_set() -> None:
    watch = Watch()
    assert [watch.look(NOW_S + t, 50.0 + t) for t in (0, 1, 100, 5000)] == [0, 0, 0, 0]
    assert watch.look(NOW_S + 10_059, 10_050.0) == 0, "less than a minute"


@pytest.mark.parametrize("by_s", [YEARS_S, DAY_S, 60, -60, -DAY_S, -YEARS_S])
def test_a_clock_that_was_set_is_told_once(by_s: int) -> None:
    watch = Watch()
    watch.look(NOW_S, 50.0)
    assert [watch.look(NOW_S + 3 + by_s, 53.0), watch.look(NOW_S + 4 + by_s, 54.0)] == [by_s, 0]


@pytest.mark.parametrize("by_s", [YEARS_S, DAY_S, -DAY_S])
def test_what_waits_keeps_its_age_and_its_patience(by_s: int) -> None:
    disk = SimDisk(Queue().folders)
    out, into = (os.open(os.devnull, os.O_RDWR) for _ in range(2))
    channels = [Channel(name, out, into, 10) for name in (b"local", b"remote")]
    core = Core(b"", Paths(b"."), disk, Say(-1), None, CONTROLS, *channels)  # type: ignore[arg-type]
    info = core.paths.info(7)
    disk.close(disk.open(info, os.O_CREAT))
    disk.utime(info, (NOW_S - 100, NOW_S - 100))
    core.remote.schedule.add(7, NOW_S + 300)
    core.local.schedule.add(8, NOW_S + 200)  # its info/8 is gone
    job = core.local.active[9] = Job(9, core.local, b"", NOW_S, NOW_S + 100, False, deque(), 1)
    jumps.move(core, by_s)
    assert core.disk.stat(info).st_mtime == NOW_S - 100 + by_s
    assert (core.remote.schedule.due, core.local.schedule.due) == ({7: NOW_S + 300 + by_s}, {8: NOW_S + 200 + by_s})
    assert job.retry_s == NOW_S + 100 + by_s
    os.close(out)
    os.close(into)


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
