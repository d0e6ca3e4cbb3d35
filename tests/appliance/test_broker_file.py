"""Messages, leases and holders of the broker's file."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import sqlite3
import stat
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from appliance import broker_file
from appliance.broker_file import LOSSES_MAX, PAUSE_MAX_S, PAUSE_MIN_S, BrokerFile, Claim

# children that share nothing with this process but what the test gives them
SPAWN = multiprocessing.get_context("spawn")
FORK = multiprocessing.get_context("fork")


class Clock:
    """Goes on only when told, or by the pauses that are made."""

    def __init__(self) -> None:
        self.time = 1_000_000.0
        self.pauses: list[float] = []

    def now(self) -> float:
        return self.time

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_(tmp_path: Path, clock: Clock) -> Iterator[Callable[[], BrokerFile]]:
    opened: list[BrokerFile] = []

    def another() -> BrokerFile:
        path = str(tmp_path / "broker.sqlite3")
        opened.append(BrokerFile(path, lease_s=60, now=clock.now, pause=clock.pause, tick=clock.now))
        return opened[-1]

    yield another
    for file in opened:
        file.close()


def bodies(file: BrokerFile, queue: str = "q") -> list[str]:
    found = []
    while (claim := file.claim(queue)) is not None:
        found.append(claim.body)
    return found


def test_it_gives_messages_out_in_the_order_they_came(open_: Callable[[], BrokerFile]) -> None:
    file = open_()
    for body in ("a", "b", "c"):
        file.put("q", body)
    file.put("other", "d")
    assert bodies(open_()) == ["a", "b", "c"]
    assert bodies(file, "other") == ["d"]


def test_it_gives_no_message_out_twice_while_a_lease_holds(open_: Callable[[], BrokerFile], clock: Clock) -> None:
    file = open_()
    file.put("q", "a")
    assert file.claim("q") is not None
    clock.time += 59.9
    assert open_().claim("q") is None


def test_it_gives_a_message_out_again_when_the_lease_has_ended(open_: Callable[[], BrokerFile], clock: Clock) -> None:
    file = open_()
    file.put("q", "a")
    first = file.claim("q")
    clock.time += 60.1
    second = open_().claim("q")
    assert first is not None and second is not None
    assert (second.id, second.lease) == (first.id, first.lease + 1)


def test_it_does_not_let_an_old_holder_give_back_what_another_one_has(open_: Callable[[], BrokerFile], clock: Clock) -> None:
    old, new = open_(), open_()
    old.put("q", "a")
    first = old.claim("q")
    clock.time += 61
    second = new.claim("q")
    assert first is not None and second is not None
    old.release(first.id, first.lease)
    assert old.claim("q") is None
    new.release(second.id, second.lease)
    assert old.claim("q") is not None


def test_it_forgets_a_message_that_is_done_even_after_its_lease(open_: Callable[[], BrokerFile], clock: Clock) -> None:
    file = open_()
    file.put("q", "a")
    claim = file.claim("q")
    assert claim is not None
    clock.time += 61
    file.remove(claim.id)
    assert file.claim("q") is None


def test_it_gives_up_a_message_whose_holders_are_always_lost(
    open_: Callable[[], BrokerFile], clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    file = open_()
    file.put("q", "poison")
    file.put("q", "good")
    for _ in range(LOSSES_MAX):
        claim = file.claim("q")
        assert claim is not None and claim.body == "poison"
        clock.time += 61
    claim = file.claim("q")
    assert claim is not None and claim.body == "good"
    assert file.claim("q") is None
    assert "5 workers were lost while they had it: poison" in caplog.text


def test_it_counts_no_loss_when_a_message_is_given_back(open_: Callable[[], BrokerFile]) -> None:
    file = open_()
    file.put("q", "a")
    for _ in range(LOSSES_MAX + 3):
        claim = file.claim("q")
        assert claim is not None
        file.release(claim.id, claim.lease)


def test_it_keeps_a_message_for_later_until_then(open_: Callable[[], BrokerFile], clock: Clock) -> None:
    file = open_()
    file.put("q", "later", clock.time + 5)
    file.put("q", "now")
    assert bodies(file) == ["now"]
    while not (found := bodies(file)):
        file.wait(100)
    assert found == ["later"]
    assert 5 <= clock.time - 1_000_000 < 5 + PAUSE_MAX_S


def test_it_wakes_up_when_somebody_puts_a_message(open_: Callable[[], BrokerFile], clock: Clock) -> None:
    waiting, producer = open_(), open_()
    waiting.wait(10)  # quiet by now
    begin = clock.time
    pause = clock.pause

    def put_in_the_third_pause(seconds: float) -> None:
        pause(seconds)
        if len(clock.pauses) == count + 3:
            producer.put("q", "a")

    count = len(clock.pauses)
    waiting._pause = put_in_the_third_pause
    waiting.wait(1000)
    assert clock.time - begin <= 3 * PAUSE_MAX_S
    assert bodies(waiting) == ["a"]


def test_it_looks_less_often_the_longer_nothing_happens(open_: Callable[[], BrokerFile], clock: Clock) -> None:
    file = open_()
    file.wait(0.001)
    clock.pauses.clear()
    file.wait(20)
    assert clock.pauses[0] <= PAUSE_MIN_S * 2
    assert clock.pauses[-2] == PAUSE_MAX_S
    assert len(clock.pauses) < 20 / PAUSE_MAX_S + 20


def test_it_knows_its_size_and_can_be_emptied(open_: Callable[[], BrokerFile], clock: Clock) -> None:
    file = open_()
    for body in "abc":
        file.put("q", body)
    file.put("q", "later", clock.time + 5)
    assert file.claim("q") is not None
    assert file.size("q") == 3
    assert file.purge("q") == 3
    assert file.size("q") == 0
    assert file.size("nobody's") == 0


def test_it_is_closed_to_others(open_: Callable[[], BrokerFile], tmp_path: Path) -> None:
    open_().put("q", "secret")
    assert {path.name: stat.S_IMODE(path.stat().st_mode) & 0o077 for path in tmp_path.iterdir()} == {
        "broker.sqlite3": 0,
        "broker.sqlite3-holders": 0,
        "broker.sqlite3-shm": 0,
        "broker.sqlite3-wal": 0,
    }


def test_it_goes_on_after_a_failed_commit(open_: Callable[[], BrokerFile], tmp_path: Path) -> None:
    file = open_()
    file.put("q", "a")
    with sqlite3.connect(tmp_path / "broker.sqlite3") as other:
        (page_count,) = other.execute("PRAGMA page_count").fetchone()
    other.close()
    file._db.execute(f"PRAGMA max_page_count = {page_count}")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        file.put("q", "x" * 100_000)
    file._db.execute("PRAGMA max_page_count = 1000000")
    file.put("q", "b")
    assert bodies(file) == ["a", "b"]


# -- processes ---------------------------------------------------------------------------------------------------------------------


def _claim_and_die(path: str) -> None:
    file = BrokerFile(path)
    assert file.claim("q") is not None
    os.kill(os.getpid(), 9)


def test_it_gives_a_message_out_again_as_soon_as_its_holder_was_killed(tmp_path: Path) -> None:
    path = str(tmp_path / "broker.sqlite3")
    file = BrokerFile(path)
    file.put("q", "a")
    child = SPAWN.Process(target=_claim_and_die, args=(path,))
    child.start()
    child.join()
    assert child.exitcode == -9
    assert file.claim("q") is None
    assert file.free_lost()
    claim = file.claim("q")
    assert claim is not None and claim.body == "a"
    file.close()


def test_it_leaves_messages_to_holders_that_live(tmp_path: Path) -> None:
    path = str(tmp_path / "broker.sqlite3")
    file = BrokerFile(path)
    file.put("q", "a")
    ours, theirs = SPAWN.Pipe()
    child = SPAWN.Process(target=_claim_and_wait, args=(path, theirs))
    child.start()
    theirs.close()
    assert ours.recv() == "a"
    assert not file.free_lost()
    assert file.claim("q") is None
    ours.send("end")
    child.join()
    file._holders_at -= broker_file.HOLDERS_EVERY_S
    assert file.free_lost()
    file.close()


def _claim_and_wait(path: str, pipe: multiprocessing.connection.Connection) -> None:
    claim = BrokerFile(path).claim("q")
    pipe.send(claim and claim.body)
    pipe.recv()


def _claim_in_a_fork(file: BrokerFile, pipe: multiprocessing.connection.Connection) -> None:
    claim = file.claim("q")
    pipe.send(claim and claim.body)
    pipe.recv()
    os._exit(0)


def test_it_holds_its_own_messages_after_a_fork(tmp_path: Path) -> None:
    file = BrokerFile(str(tmp_path / "broker.sqlite3"))
    file.put("q", "parent's")
    file.put("q", "child's")
    mine = file.claim("q")
    ours, theirs = FORK.Pipe()
    child = FORK.Process(target=_claim_in_a_fork, args=(file, theirs))
    child.start()
    theirs.close()
    assert ours.recv() == "child's"
    assert file.claim("q") is None
    ours.send("end")
    child.join()
    assert file.free_lost()
    assert bodies(file) == ["child's"]  # and not the parent's, who lives
    assert mine is not None and mine.body == "parent's"
    file.close()


def _produce(path: str, name: int, number: int) -> None:
    file = BrokerFile(path)
    for i in range(number):
        file.put("q", f"{name} {i}")


def test_it_takes_messages_from_many_producers_at_once(tmp_path: Path) -> None:
    """Of which the first ones also make the file."""
    path = str(tmp_path / "broker.sqlite3")
    children = [SPAWN.Process(target=_produce, args=(path, name, 50)) for name in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0
    file = BrokerFile(path)
    found = bodies(file)
    assert sorted(found) == sorted(f"{name} {i}" for name in range(4) for i in range(50))
    for name in range(4):  # each in its order
        assert [body for body in found if body.startswith(f"{name} ")] == [f"{name} {i}" for i in range(50)]
    file.close()


def test_it_may_be_used_by_many_threads(tmp_path: Path) -> None:
    file = BrokerFile(str(tmp_path / "broker.sqlite3"))
    done: list[str] = []

    def work(name: int) -> None:
        for i in range(20):
            file.put("q", f"{name} {i}")
            claim = file.claim("q")
            assert claim is not None
            file.remove(claim.id)
            done.append(claim.body)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(done) == Counter(f"{name} {i}" for name in range(4) for i in range(20))
    file.close()


# -- any order of acts -------------------------------------------------------------------------------------------------------------


class Model(RuleBasedStateMachine):
    """A message is removed, or held under a lease, or can be claimed; or it was lost too often. Nothing else happens to it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.folder = tempfile.TemporaryDirectory()
        self.file = BrokerFile(self.folder.name + "/broker.sqlite3", lease_s=60, now=self.clock.now)
        self.losses: dict[int, int] = {}  # of every message there is
        self.waiting: set[int] = set()
        self.held: dict[int, tuple[Claim, float]] = {}
        self.count = 0

    @rule()
    def put(self) -> None:
        self.count += 1
        self.file.put("q", str(self.count))
        self.losses[self.count] = 0
        self.waiting.add(self.count)

    @rule()
    def claim(self) -> None:
        expected = self._next()
        claim = self.file.claim("q")
        assert (claim and int(claim.body)) == expected
        if claim is not None:
            self.waiting.discard(int(claim.body))
            self.held[int(claim.body)] = claim, self.clock.time + 60

    def _next(self) -> int | None:
        for number in sorted(self.losses):
            if number in self.waiting:
                return number
            if self.held[number][1] <= self.clock.time:
                self.losses[number] += 1
                if self.losses[number] < LOSSES_MAX:
                    return number
                del self.losses[number], self.held[number]
        return None

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.held)))
        self.file.remove(self.held.pop(number)[0].id)
        del self.losses[number]

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.held)))
        claim, _ = self.held.pop(number)
        self.file.release(claim.id, claim.lease)
        self.waiting.add(number)

    @rule(seconds=st.sampled_from([1, 59, 61]))
    def time_goes_on(self, seconds: int) -> None:
        self.clock.time += seconds

    @invariant()
    def nothing_is_lost(self) -> None:
        (number,) = self.file._db.execute("SELECT count(*) FROM message").fetchone()
        assert number == len(self.losses)

    def teardown(self) -> None:
        self.file.close()
        self.folder.cleanup()


Model.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestModel = Model.TestCase
