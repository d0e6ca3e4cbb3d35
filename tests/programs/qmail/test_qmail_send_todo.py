"""What qmail-send knows of todo/ without looking: numbers that come back, and files that may be left over."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mta.formats import spawn, todo
from mta.programs.qmail.qmail_send import leftovers
from mta.programs.qmail.qmail_send.channels import Channel
from mta.programs.qmail.qmail_send.clean import Clean
from mta.programs.qmail.qmail_send.core import SYSFAIL_S, Core
from mta.programs.qmail.qmail_send.passes import Passes
from mta.programs.qmail.qmail_send.say import Say
from mta.programs.qmail.qmail_send.todo import BLIND_S, RESCAN_S, WAIT_S, WAITING_MAX, TodoDir
from mta.unix.queuedir import Paths
from mta.unix.trigger import Trigger
from tests.crash.kill_sim import CONTROLS
from tests.support.sim_disk import Inode, Queue, SimDisk

ENVELOPE = todo.write(todo.Todo(7, 812, b"a@b", (b"joe@example.org",)))


class SlowClean(Clean):
    """Does what it is asked when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, int, Callable[[bool], None]]] = []
        self._has_done = True

    def request(self, kind: bytes, messnum: int, done: Callable[[bool], None]) -> None:
        self.asked.append((kind, messnum, done))


class Send:
    """qmail-send without its loop, on a simulated disk."""

    def __init__(self, disk: SimDisk, *pipes: tuple[int, int]) -> None:
        self.disk = disk
        self.clean = SlowClean()
        local, remote = (Channel(name, out, into, 10) for name, (into, out) in zip((b"local", b"remote"), pipes, strict=True))
        self.core = Core(
            home=b"", paths=Paths(b"."), disk=disk, say=Say(-1), clean=self.clean, controls=CONTROLS, local=local, remote=remote
        )
        self.passes = Passes(self.core)
        self.passes.todo = self.todo = TodoDir(self.core, Trigger(b"no/trigger"), self.passes.deliver_directly)

    def put(self, messnum: int) -> None:
        """A message arrives."""
        self.disk.names[b"./mess/%d" % (messnum % 23)][b"%d" % messnum] = Inode(messnum, b"x\n", b"x\n")
        self.disk.names[b"./todo"][b"%d" % messnum] = Inode(messnum + 1, ENVELOPE, ENVELOPE)

    def take(self, messnum: int) -> None:
        """What qmail-clean does."""
        del self.disk.names[b"./mess/%d" % (messnum % 23)][b"%d" % messnum]
        del self.disk.names[b"./todo"][b"%d" % messnum]

    def look(self) -> list[bytes]:
        """-> messages that were handed to the spawner since."""
        self.todo.look(1000)
        return self.work()

    def work(self) -> list[bytes]:
        while self.todo.has_work:
            self.todo.step(1000)
        return self.commands()

    def commands(self) -> list[bytes]:
        commands, self.core.local._unsent = spawn.read_commands(self.core.local._unsent)
        return [c.message for c in commands]

    def turn(self, now_s: int) -> list[bytes]:
        """-> messages that were handed to the spawner."""
        self.todo.start_waiting(now_s)
        self.passes.step(now_s)
        return self.commands()

    def report(self, slot: int, letter: bytes, now_s: int) -> None:
        self.passes.report(self.core.local, spawn.Report(slot, letter, b"so\n"), now_s)


@pytest.fixture
def send() -> Iterator[Send]:
    pipes = [os.pipe() for _ in range(2)]
    yield Send(SimDisk(Queue().folders), *pipes)
    for fd in (fd for pair in pipes for fd in pair):
        os.close(fd)


@pytest.mark.parametrize("looks_between", [0, 1, 2])
def test_a_number_that_comes_back_before_its_removal_is_confirmed_is_not_overlooked(send: Send, looks_between: int) -> None:
    send.put(46)
    assert send.look() == [b"0/46"]
    send.passes.report(send.core.local, spawn.Report(0, b"K", b"did\n"), 1000)
    ((kind, messnum, done),) = send.clean.asked
    assert (kind, messnum) == (b"done", 46)
    send.take(46)
    send.put(46)  # another message, and the kernel gave it the same number
    for _ in range(looks_between):
        assert send.look() == [], "it is taken for the one that was delivered"
    done(True)
    assert send.work() == ([b"0/46"] if looks_between else [])
    assert send.look() == ([] if looks_between else [b"0/46"]), "delivered twice, or not at all"


def test_a_number_that_does_not_come_back_is_not_looked_for_in_vain(send: Send) -> None:
    send.put(46)
    send.look()
    send.passes.report(send.core.local, spawn.Report(0, b"K", b"did\n"), 1000)
    send.look()
    send.take(46)
    send.clean.asked[0][2](True)
    assert not send.todo.has_work
    assert not [line for line in send.core.say._lines if line.startswith(b"warning")]


LEFT_OVER = (b"./local/0", b"./remote/0", b"./info/0", b"./bounce")


@pytest.mark.parametrize("folder", LEFT_OVER)
def test_what_a_crash_left_of_an_earlier_message_of_that_number_goes(send: Send, folder: bytes) -> None:
    send.disk.names[folder][b"46"] = Inode(99, b"left over")
    send.core.written = leftovers.listed(send.core)
    send.put(46)
    assert send.look() == [b"0/46"]
    assert b"46" not in send.disk.names[folder]


def test_what_was_written_and_then_failed_is_written_anew(send: Send) -> None:
    send.core.written = leftovers.listed(send.core)
    send.put(46)
    send.look()
    send.passes.report(send.core.local, spawn.Report(0, b"Z", b"later\n"), 1000)
    ((kind, _, done),) = send.clean.asked
    assert (kind, b"46" in send.disk.names[b"./info/0"]) == (b"todo", True)
    done(False)  # todo/46 could not be removed: it is new once more
    assert send.look() == [b"0/46"]
    assert not any(b"46" in send.disk.names[folder] for folder in LEFT_OVER)


def test_without_left_overs_nothing_is_looked_for(send: Send) -> None:
    send.core.written = leftovers.listed(send.core)
    send.put(46)
    before = len(send.disk.calls)
    assert send.look() == [b"0/46"]
    assert send.disk.calls[before:] == []


# -- without room ------------------------------------------------------------------------------------------------------------------


def full(send: Send) -> None:
    """All ten slots are taken, and three messages more have come."""
    for messnum in range(23, 23 * 14, 23):
        send.put(messnum)
    assert send.look() == [b"0/%d" % n for n in range(23, 23 * 11, 23)]
    assert send.todo.waiting() == 3
    assert send.look() == [], "what waits is not taken up again"


def test_a_message_waits_for_room_in_todo(send: Send) -> None:
    full(send)
    assert send.turn(1001) == []
    send.report(3, b"K", 1001)
    send.report(4, b"K", 1001)
    assert send.turn(1001) == [b"0/253", b"0/276"]
    assert (send.todo.waiting(), send.todo.patience_ends()) == (1, 1000 + WAIT_S)
    assert [kind for kind, _, _ in send.clean.asked] == [b"done", b"done"], "nothing was preprocessed"


def test_a_message_that_waits_too_long_is_preprocessed(send: Send) -> None:
    full(send)
    assert send.turn(1000 + WAIT_S - 1) == []
    assert send.clean.asked == []
    assert send.turn(1000 + WAIT_S) == []
    assert [(kind, n) for kind, n, _ in send.clean.asked] == [(b"todo", 253), (b"todo", 276), (b"todo", 299)]
    assert [n for n in (253, 276, 299) if b"%d" % n in send.disk.names[b"./info/0"]] == [253, 276, 299]
    assert send.todo.patience_ends() is None
    for _, _, done in send.clean.asked:
        done(True)
    send.report(0, b"K", 1011)
    assert send.turn(1011) in ([b"0/253"], [b"0/276"], [b"0/299"])  # all are due at the same moment


def test_what_was_due_before_goes_before(send: Send) -> None:
    full(send)
    for folder in (b"./info/0", b"./local/0"):
        send.disk.names[folder][b"46000"] = Inode(1, b"Fa@b\0" if b"info" in folder else b"Tjoe@example.org\0")
    send.core.local.schedule.add(46000, 999)
    send.report(0, b"K", 1001)
    assert send.turn(1001) == [b"0/46000"]
    send.core.local.schedule.add(69000, 1001)
    send.report(1, b"K", 1001)
    assert send.turn(1001) == [b"0/253"]


def test_only_so_many_wait(send: Send) -> None:
    for messnum in range(23, 23 * (12 + WAITING_MAX), 23):
        send.put(messnum)
    assert len(send.look()) == 10
    assert [kind for kind, _, _ in send.clean.asked] == [b"todo"]


def test_who_cannot_be_told_of_new_mail_looks_soon(send: Send, tmp_path: Path) -> None:
    """Without descriptors the trigger cannot be opened, and nothing wakes us when there are some again."""
    send.look()
    assert send.todo.next_due() == 1000 + BLIND_S
    os.mkfifo(tmp_path / "trigger")
    send.todo.trigger = Trigger(os.fsencode(tmp_path / "trigger"))
    send.look()
    assert send.todo.next_due() == 1000 + RESCAN_S
    send.todo.trigger.close()


def test_a_failure_puts_off_no_look_that_is_due_sooner(send: Send) -> None:
    send.look()
    send.todo.again_later(1000)
    assert send.todo.next_due() == 1000 + BLIND_S


def test_a_removal_that_fails_is_tried_again_and_nothing_delivered_twice(send: Send) -> None:
    send.put(46)
    assert send.look() == [b"0/46"]
    send.passes.report(send.core.local, spawn.Report(0, b"K", b"did\n"), 1000)
    send.clean.asked.pop()[2](False)
    assert send.look() == []
    send.passes.remove_again(1000 + SYSFAIL_S)
    assert [kind for kind, *_ in send.clean.asked] == [b"done"]
    send.take(46)
    send.clean.asked.pop()[2](True)
    assert not send.core.direct and send.look() == []
