"""R12: somebody sets the clock, ahead by ten years, back by a day, over the end of 32 bits, over the end of summer time: what waits is
tried again when it would have been, no mail is given up early, and no two messages get one name."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mta.unix.ask import ask
from tests.crash import faults_plane
from tests.crash.conftest import Table
from tests.crash.faults import World, enter
from tests.crash.faults_clock import Clock
from tests.crash.faults_plane import Plane

HOUR_S, DAY_S, YEARS_S = 3600, 86_400, 3652 * 86_400
FIRST_S, SECOND_S = 450, 1400  # longer than the first and the second pause of a message that is deferred by another host
SLACK_S = 5

pytestmark = [pytest.mark.slow, pytest.mark.skipif(faults_plane.why_not() is not None, reason=str(faults_plane.why_not()))]


class Calendar(World):
    """A world with a clock of its own. While is_deferring the server far away says "later" to everybody."""

    def __init__(self, folder: Path, broken: str = "") -> None:
        super().__init__(folder, prepare=self._install, broken=broken, zone="Europe/Berlin")
        self.clock = Clock(folder / "clock")
        self.is_deferring = True

    def _install(self, plane: Plane) -> None:
        self.clock.install(plane)
        self.sink.replies["RCPT"] = [lambda _: b"451 later\r\n" if self.is_deferring else b"250 ok\r\n"]

    def _ask(self, *words: bytes) -> dict[str, object]:
        found: dict[str, object] = json.loads(ask(bytes(self.plane.home) + b"/run/qmail-send/orders", list(words))[1])
        return found

    def waits(self) -> dict[int, float]:
        """{message: seconds until its next attempt}, once nothing is under way. What has no next attempt is about to end."""

        def is_quiet() -> bool:
            if any((self.plane.queue / "todo").iterdir()):  # what was forwarded just now
                return False
            found = self._ask(b"status")
            return not found["waiting"] and not any(found[channel]["running"] for channel in ("local", "remote"))  # type: ignore[index]

        self.until(is_quiet, "deliveries do not end")
        messages = self._ask(b"list", b"0", b"1000")["messages"]
        now_s = self.clock.now_s()
        return {m["messnum"]: m["next"] - now_s for m in messages if m["next"]}  # type: ignore[attr-defined]

    def restart(self) -> None:
        old = self.plane.pid("qmail-send")
        self.plane.order("qmail-send", b"t")
        self.until(
            lambda: self.plane.pid("qmail-send") not in (0, old) and self.plane.answers("qmail-send"), "qmail-send does not come back"
        )

    def check(self) -> None:
        """Everything waits as it should, is tried when it should be, and comes in the end."""
        deferred = self.waits()
        assert deferred
        self.clock.let_pass(FIRST_S)
        self.deliver()
        self.until(lambda: all(wait_s > SLACK_S for wait_s in self.waits().values()), "nothing is tried again")
        assert self.waits().keys() == deferred.keys(), "mail was given up"
        self.is_deferring = False
        self.clock.let_pass(SECOND_S)
        self.deliver()
        self.until(lambda: not self.plane.waiting(), "what was deferred is not tried again")
        self.is_deferring = True
        found = self.audit()
        assert found.is_good and not found.duplicates, found


def set_clock(world: Calendar, by_s: int, then: Callable[[], None] = lambda: None) -> None:
    """Mail waits; the clock is set; nothing is tried before its time, or after it."""
    world.send(10)
    before = world.waits()
    assert before
    world.clock.set(by_s)
    world.deliver()
    then()
    after = world.waits()
    assert after.keys() == before.keys(), "mail was given up, or tried too early"
    late = {n: (before[n], wait_s) for n, wait_s in after.items() if not before[n] - SLACK_S - 20 <= wait_s <= before[n] + SLACK_S}
    assert not late, f"waits were changed: {late}"
    world.check()


def until(moment: datetime) -> int:
    return int(moment.timestamp() - time.time())


SETTINGS = {
    "ten years ahead": lambda: YEARS_S,
    "a day back": lambda: -DAY_S,
    "an hour back": lambda: -HOUR_S,
    "to just before the end of 32 bits": lambda: until(datetime(2038, 1, 19, 3, 13, 30, tzinfo=UTC)),
    "to just before the beginning of summer time": lambda: until(datetime(2027, 3, 28, 0, 59, 30, tzinfo=UTC)),
    "to just before the end of summer time": lambda: until(datetime(2027, 10, 31, 0, 59, 30, tzinfo=UTC)),
}


@pytest.fixture
def world() -> Iterator[Calendar]:
    with faults_plane.folder() as path, Calendar(path) as found:
        yield found


def test_r12_a_day_back_and_ten_years_ahead(world: Calendar) -> None:
    for by_s in (-DAY_S, YEARS_S):
        set_clock(world, by_s)


@pytest.mark.crash
@pytest.mark.parametrize("by_s", [-DAY_S, YEARS_S])
def test_r12_who_believes_its_clock_is_caught(by_s: int, table: Table) -> None:
    with faults_plane.folder() as path, Calendar(path, "believes its clock") as world:
        with pytest.raises(AssertionError, match="mail was given up|waits were changed") as caught:
            set_clock(world, by_s)
        world.is_deferring = False
    table.self_test("R12", f"a qmail-send that believes its clock, set by {by_s} s", str(caught.value).partition("\n")[0].partition(":")[0])


@pytest.mark.crash
@pytest.mark.parametrize("why", SETTINGS)
def test_r12_full(world: Calendar, table: Table, why: str) -> None:
    set_clock(world, SETTINGS[why]())
    set_clock(world, -world.clock.ahead_s, then=world.restart)
    enter(table, "R12", f"the clock is set {why}, and right again, with a restart", world.audit())


@pytest.mark.crash
@pytest.mark.parametrize("by_s", [-HOUR_S, -DAY_S, -YEARS_S])
def test_r12_full_set_back_while_nobody_looked(world: Calendar, table: Table, by_s: int) -> None:
    """The next attempt may come sooner, and not later than after one pause."""
    world.send(10)
    assert world.waits()
    world.plane.order("qmail-send", b"d")
    world.until(lambda: not world.plane.pid("qmail-send"), "qmail-send does not stop")
    world.clock.set(by_s)
    world.plane.order("qmail-send", b"u")
    world.until(lambda: world.plane.answers("qmail-send"), "qmail-send does not come back")
    world.deliver()
    assert max(world.waits().values()) <= FIRST_S
    world.check()
    enter(table, "R12", f"the clock is set by {by_s} s while qmail-send is down", world.audit())


@pytest.mark.crash
def test_r12_full_under_load(world: Calendar, table: Table) -> None:
    world.is_deferring = False
    chance = random.Random(12)
    settings = [by_s for _ in range(20) for by_s in (chance.choice((HOUR_S, DAY_S, YEARS_S)), -chance.choice((HOUR_S, DAY_S, YEARS_S)))]

    def storm() -> None:
        for by_s in settings:
            world.clock.set(by_s)
            world.deliver()

    told = world.suffer(storm, lambda: world.clock.set(-world.clock.ahead_s), lasts_s=1)
    enter(table, "R12", f"the clock is set {len(settings)} times under load", told)
    assert told.is_good, str(told)
