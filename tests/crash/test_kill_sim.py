"""qmail-send stopped at every call that changes the disk, once or twice, by a kill or by a power cut: nothing is lost, and each failure is
told once."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from mta.programs.qmail.qmail_send import bounces
from mta.programs.qmail.qmail_send.todo import TodoDir
from mta.unix.queuedir import SYNCFS_FROM
from tests.crash.conftest import Table
from tests.crash.kill_sim import SimCall, SimSender, World, killed
from tests.support.sim_disk import PowerCut, Queue, SimDisk

ANN, JOE, FAR = b"ann@example.org", b"joe@example.org", b"x@far.example"
BAD, WORSE, LATE = b"bad@far.example", b"worse@far.example", b"late@far.example"
VIRTUAL, VIRTUAL_REWRITTEN = b"bo@virtual.example", b"vd-bo@virtual.example"
LETTERS = {BAD: b"D", WORSE: b"ZD", LATE: b"ZZK", VIRTUAL_REWRITTEN: b"D", b"noone@example.org": b"D"}
SIMULATED = "simulated"
WHAT = "recoveries of qmail-send stopped on a simulated disk, once or twice, by kills and power cuts"
MESSAGE = b"Subject: x\n\n" + b"body\n" * 20

# (why, sender, recipients, those that arrive, those that fail)
CASES = [
    ("one, local", ANN, (JOE,), (JOE,), ()),
    ("one, fails", ANN, (BAD,), (), (BAD,)),
    ("one, fails the second time", ANN, (WORSE,), (), (WORSE,)),
    ("one, later", ANN, (LATE,), (LATE,), ()),
    ("several, both channels", ANN, (JOE, FAR, LATE), (JOE, FAR, LATE), ()),
    ("several, some fail", ANN, (JOE, BAD, WORSE, LATE, VIRTUAL), (JOE, LATE), (BAD, WORSE, VIRTUAL)),
    ("a bounce that bounces", b"noone@example.org", (BAD, FAR), (FAR,), (BAD,)),
]


def prepared(sender: bytes, recipients: tuple[bytes, ...]) -> tuple[SimDisk, World]:
    disk, world = SimDisk(Queue().folders), World(LETTERS)
    SimSender(disk, world).enqueue(MESSAGE, sender, *recipients)
    disk.calls.clear()
    return disk, world


def told(world: World) -> Counter[bytes]:
    """How often each recipient was named as failed, in bounces told apart by their first line. A bounce that is delivered twice is one."""
    bounces = {message for message, _ in world.arrived if b"Subject: failure notice\n" in message}
    return Counter(address for message in bounces for address in re.findall(rb"^<(.+)>:$", message.rpartition(b"\n---")[0], re.MULTILINE))


def check(why: str, disk: SimDisk, world: World, arrive: tuple[bytes, ...], fail: tuple[bytes, ...], cuts: int) -> None:
    arrived = Counter(recipient for message, recipient in world.arrived if b"failure notice" not in message)
    assert set(arrived) == set(arrive), f"{why}: {arrived} arrived"
    assert max(arrived.values(), default=1) <= 1 + cuts, f"{why}: more often than it was cut off: {arrived}"
    final = Counter({address: count for address, count in told(world).items() if address != b"noone@example.org"})
    assert final == Counter(fail), f"{why}: {final} were told of"
    # mess/N is swept up later; a local/N or remote/N whose removal a power cut undid means nothing, and goes with its number's next message
    harmless = (b"./mess/",) if cuts == 0 or "killed" in why else (b"./mess/", b"./local/", b"./remote/")
    left = [folder + b"/" + name for folder, names in disk.names.items() for name in names if not folder.startswith(harmless)]
    assert not left, f"{why}: {left} are left"


def survivors(disk: SimDisk) -> Iterator[tuple[str, Callable[[], SimDisk]]]:
    yield "killed", lambda: killed(disk)
    yield "power cut, nothing more", lambda: disk.after_power_cut(lambda _: False)
    for seed in range(4):
        chance = random.Random(seed)
        yield f"power cut, some more ({seed})", lambda c=chance: disk.after_power_cut(lambda _: c.random() < 0.5)  # type: ignore[misc]


def stopped(sender: bytes, recipients: tuple[bytes, ...], n: int) -> tuple[SimDisk, World]:
    """A life that ends at the n-th call."""
    disk, world = prepared(sender, recipients)
    disk.stop_at = n
    with pytest.raises(PowerCut):
        SimSender(disk, world).run()
    return disk, world


def again(world: World) -> World:
    """The same past for another future."""
    return World(world.letters, list(world.arrived), Counter(world.attempts))


def calls(sender: bytes, recipients: tuple[bytes, ...]) -> int:
    disk, world = prepared(sender, recipients)
    SimSender(disk, world).run()
    return len(disk.calls)


def sweep(why: str, sender: bytes, recipients: tuple[bytes, ...], arrive: tuple[bytes, ...], fail: tuple[bytes, ...]) -> int:
    """-> how many recoveries there were."""
    done = 0
    for n in range(1, calls(sender, recipients) + 1):
        disk, world = stopped(sender, recipients, n)
        for how, survivor in survivors(disk):
            found, past = survivor(), again(world)
            SimSender(found, past).run()
            check(f"{why}, {how} at {n}: {disk.calls[-6:]}", found, past, arrive, fail, 1)
            done += 1
    return done


each_case = pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
Case = tuple[str, bytes, tuple[bytes, ...], tuple[bytes, ...], tuple[bytes, ...]]


@each_case
def test_r2_a_stop_at_any_call(table: Table, case: Case) -> None:
    table.count("R2", sweep(*case), WHAT, "0 bad", of=SIMULATED)


@pytest.mark.parametrize(
    ("why", "module", "name", "instead"),
    [
        ("a paragraph is not synced", bounces, "_append", lambda core, fd, text: core.disk.write(fd, text)),
        ("what is told of is not looked for", bounces, "told", lambda *_: []),
        ("bounces that were queued are not looked for", bounces, "recover", lambda _: None),
        ("the name of what was told comes back", bounces, "_forget", lambda core, n: core.disk.unlink(core.paths.bounce(n))),
        ("preprocessing is not synced", TodoDir, "_barrier", lambda _, written: {arrival.messnum for arrival, _ in written}),
    ],
)
def test_r2_the_sweep_catches(monkeypatch: pytest.MonkeyPatch, table: Table, why: str, module: object, name: str, instead: object) -> None:
    monkeypatch.setattr(module, name, instead)
    with pytest.raises(AssertionError) as caught:
        for case in CASES:
            sweep(*case)
    table.self_test("R2", why, str(caught.value).partition(": ")[0], of=SIMULATED)


@each_case
def test_r2_a_second_stop_while_it_recovers(table: Table, case: Case) -> None:
    why, sender, recipients, arrive, fail = case
    chance = random.Random(why)
    whole = calls(sender, recipients)
    for _ in range(60):
        n, m = chance.randint(1, whole), chance.randint(1, whole)
        disk, world = stopped(sender, recipients, n)
        for how, survivor in survivors(disk):
            found, past = survivor(), again(world)
            found.stop_at = m
            try:
                SimSender(found, past).run()
            except PowerCut:
                found = killed(found) if how == "killed" else found.after_power_cut(lambda _: chance.random() < 0.5)
                SimSender(found, past).run()
            check(f"{why}, {how} at {n} and {m}", found, past, arrive, fail, 2)
            table.count("R2", 1, WHAT, "0 bad", of=SIMULATED)


def test_r2_a_stop_at_any_call_of_a_batch(table: Table) -> None:
    """So many new messages that one barrier serves all of them."""

    def begin() -> tuple[SimDisk, World]:
        disk, world = prepared(ANN, (JOE, BAD))
        for _ in range(SYNCFS_FROM):
            SimSender(disk, world).enqueue(MESSAGE, ANN, JOE, BAD)
        disk.calls.clear()
        return disk, world

    whole, world = begin()
    SimSender(whole, world).run()
    assert "syncfs" in whole.calls
    for n in range(1, len(whole.calls) + 1):
        disk, world = begin()
        disk.stop_at = n
        with pytest.raises(PowerCut):
            SimSender(disk, world).run()
        for how, survivor in survivors(disk):
            found, past = survivor(), again(world)
            SimSender(found, past).run()
            joes = Counter(message for message, recipient in past.arrived if recipient == JOE)
            assert len(joes) == SYNCFS_FROM + 1 and max(joes.values()) <= 2, f"{how} at {n}"
            assert told(past) == {BAD: SYNCFS_FROM + 1}, f"{how} at {n}"
            table.count("R2", 1, WHAT, "0 bad", of=SIMULATED)


def test_a_bounce_whose_answer_was_lost_is_not_queued_again() -> None:
    disk, world = prepared(ANN, (BAD,))
    SimCall.lost = SimCall.calls + 1
    SimSender(disk, world).run()
    check("the answer was lost", disk, world, (), (BAD,), 0)


def test_two_messages_alike_but_for_their_first_line_have_a_bounce_each() -> None:
    disk, world = prepared(ANN, (BAD,))
    SimSender(disk, world).enqueue(MESSAGE, ANN, BAD)
    SimSender(disk, world).run()
    assert told(world) == {BAD: 2}
