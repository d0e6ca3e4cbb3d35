"""qmail-send, its spawners, qmail-clean and the queue writer in one process, on a simulated disk that can stop at any call.

    world = World({b"bad@far.example": b"D"})
    disk = SimDisk(Queue().folders)
    send = SimSender(disk, world)
    send.enqueue(message, b"ann@example.org", b"joe@example.org", b"bad@far.example")
    send.run()                                  # raises PowerCut where disk.stop_at says
    SimSender(killed(disk), world).run()        # the next start finds what a killed process leaves: everything
    SimSender(disk.after_power_cut(kept), world).run()

What qmail-send does is its own code, but for the loop that waits; its helpers answer at once, in turns of their own, as theirs would.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from mta.decisions import rewrite
from mta.errors import MailError, queue_failure
from mta.formats import envelope, received, spawn, todo
from mta.programs.qmail.qmail_send import bounces, finish
from mta.programs.qmail.qmail_send.channels import Channel
from mta.programs.qmail.qmail_send.clean import Clean
from mta.programs.qmail.qmail_send.controls import Controls
from mta.programs.qmail.qmail_send.core import Core
from mta.programs.qmail.qmail_send.passes import Passes
from mta.programs.qmail.qmail_send.say import Say
from mta.programs.qmail.qmail_send.todo import TodoDir
from mta.unix import queue_call
from mta.unix.disk import Disk
from mta.unix.queue_call import QueueCall
from mta.unix.queuedir import SPLIT, TODO_TROUBLE, Enqueuer, Paths, Submission, numbers
from mta.unix.trigger import Trigger
from tests.support.sim_disk import Inode, Names, SimDisk

NOW_S = 1000  # files of the simulated disk are born at 0
ME = b"example.org"
CONTROLS = Controls(
    rewrite=rewrite.Controls(ME, frozenset({ME}), frozenset(), {b"virtual.example": b"vd"}),
    queuelifetime_s=604800,
    concurrencylocal=10,
    concurrencyremote=20,
    bouncefrom=b"MAILER-DAEMON",
    bouncehost=ME,
    doublebounce=b"postmaster@" + ME,
)


@dataclass
class World:
    """What becomes of deliveries. letters: for a rewritten recipient what its attempts get, one byte each, the last one for ever; others
    are taken. arrived: (the message as it lay in the queue, recipient) of each one that was."""

    letters: Mapping[bytes, bytes] = field(default_factory=dict)
    arrived: list[tuple[bytes, bytes]] = field(default_factory=list)
    attempts: Counter[bytes] = field(default_factory=Counter)

    def deliver(self, message: bytes, recipient: bytes) -> bytes:
        letters = self.letters.get(recipient, b"K")
        letter = letters[min(self.attempts[recipient], len(letters) - 1) :][:1]
        self.attempts[recipient] += 1
        if letter == b"K":
            self.arrived.append((message, recipient))
        return letter


class SimClean(Clean):
    """On the same disk, when it is its turn."""

    def __init__(self, disk: Disk, paths: Paths) -> None:
        self._disk = disk
        self._paths = paths
        self._asked: deque[tuple[bytes, int, Callable[[bool], None]]] = deque()
        self._has_done = True

    def request(self, kind: bytes, messnum: int, done: Callable[[bool], None]) -> None:
        self._asked.append((kind, messnum, done))

    def turn(self) -> bool:
        """False: nothing was asked."""
        if not self._asked:
            return False
        kind, messnum, done = self._asked.popleft()
        todo, mess = self._paths.todo(messnum), self._paths.mess(messnum)
        for path in (self._paths.intd(messnum), *{b"todo": (todo,), b"foop": (mess,), b"done": (todo, mess)}[kind]):
            try:
                self._disk.unlink(path)
            except FileNotFoundError:
                continue
        done(True)
        return True


class SimCall(QueueCall):
    """The queue writer, on the same disk. The answer to the call numbered lost never comes."""

    calls = 0
    lost = -1

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._parts: list[bytes] = []
        SimCall.calls += 1
        self.qp = SimCall.calls

    def write(self, data: bytes) -> None:
        self._parts.append(data)

    def _commit(self, envelope_: bytes) -> MailError | None:
        sender, recipients = envelope.read(envelope_)
        failed = enqueue(self._disk, self.qp, b"".join(self._parts), sender, *recipients)
        is_lost = self.qp == self.lost
        self.is_uncertain = is_lost or failed == TODO_TROUBLE
        return queue_failure(54 if is_lost else failed)

    def abandon(self) -> None:
        pass


def enqueue(disk: Disk, qp: int, message: bytes, sender: bytes, *recipients: bytes) -> int:
    """As the queue writer does it -> exit code."""
    enqueuer = Enqueuer(b".", pid=1, disk=disk)
    staged = enqueuer.stage(NOW_S)
    enqueuer.write(staged, [received.queue_line(qp, b"by uid 7", NOW_S), message])
    submission = Submission(staged, todo.write(todo.Todo(7, qp, sender, recipients)))
    enqueuer.commit([submission], NOW_S)
    return submission.failed


class SimSender:
    """One life of qmail-send."""

    def __init__(self, disk: SimDisk, world: World) -> None:
        self.disk = disk
        self.world = world
        self.log = b""
        self._now_s = NOW_S

    def enqueue(self, message: bytes, sender: bytes, *recipients: bytes) -> None:
        SimCall.calls += 1
        assert enqueue(self.disk, SimCall.calls, message, sender, *recipients) == 0

    def run(self) -> None:
        """Start, and go on until nothing is left to be done, the clock being set forward to whatever waits for its date."""
        pipes = [os.pipe() for _ in range(2)]
        real_open, real_settle = queue_call.open_, queue_call.settle
        queue_call.open_ = lambda _home, _env: SimCall(self.disk)  # type: ignore[assignment]
        queue_call.settle = lambda _home: None
        try:
            self._run(*(Channel(name, out, into, 10) for name, (into, out) in zip((b"local", b"remote"), pipes, strict=True)))
        finally:
            queue_call.open_, queue_call.settle = real_open, real_settle
            for fd in (fd for pair in pipes for fd in pair):
                os.close(fd)

    def _run(self, local: Channel, remote: Channel) -> None:
        paths = Paths(b".")
        self._clean = SimClean(self.disk, paths)
        self._core = Core(
            home=b"", paths=paths, disk=self.disk, say=Say(-1), clean=self._clean, controls=CONTROLS, local=local, remote=remote
        )
        self._passes = Passes(self._core)
        self._passes.todo = self._todo = TodoDir(self._core, Trigger(b"no/trigger"), self._passes.deliver_directly)
        for i in range(SPLIT):
            for messnum in numbers(self.disk.listdir(paths.folder(b"info/%d" % i))):
                self._passes.adopt(messnum, self._now_s)
        bounces.recover(self._core)
        self._todo.look(self._now_s)
        while self._turn() or self._wait():
            self._core.say._lines.clear()

    def _turn(self) -> bool:
        """False: nothing was done."""
        done = False
        while self._todo.has_work:
            self._todo.step(self._now_s)
            done = True
        self._passes.remove_again(self._now_s)
        while self._clean.turn():
            done = True
        self._passes.step(self._now_s)
        for channel in self._core.channels:
            done |= self._deliver(channel)
        messnum = self._core.done.pop(self._now_s)
        if messnum is not None:
            finish.finish(self._core, messnum, self._now_s, {})
            self._todo.look(self._now_s)  # a bounce pulls the trigger
        return done or messnum is not None

    def _deliver(self, channel: Channel) -> bool:
        commands, channel._unsent = spawn.read_commands(channel._unsent)
        for command in commands:
            message = self.disk.text(b"./mess/" + command.message)
            letter = self.world.deliver(message, command.recipient)
            self._passes.report(channel, spawn.Report(command.slot, letter, b"said so\n"), self._now_s)
        return bool(commands)

    def _wait(self) -> bool:
        """Until the next date. False: there is none."""
        if self.disk.listdir(b"./todo") and self._todo._again_at is not None:
            self._now_s = max(self._now_s, self._todo._again_at)
            self._todo.look(self._now_s)
            return True
        schedules = [self._core.done, self._core.removals, *(c.schedule for c in self._core.channels)]
        dates = [due for s in schedules if (due := s.next_due()) is not None]
        if not dates:
            return False
        self._now_s = max(self._now_s, min(dates))
        return True


def killed(disk: SimDisk) -> SimDisk:
    """What the kernel has when all processes were killed: every change as it was, synced or not."""
    copies: dict[int, Inode] = {}

    def copy(names: Names) -> Names:
        return {f: {n: copies.setdefault(i.number, replace(i)) for n, i in there.items()} for f, there in names.items()}

    survivor = SimDisk([], copy(disk.names), disk.next_number)
    survivor.durable_names = copy(disk.durable_names)
    return survivor
