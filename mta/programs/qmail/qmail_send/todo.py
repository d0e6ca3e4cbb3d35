"""New messages: from todo/N to the channels.

For each message, in a batch of those that lie there together:
  1 read todo/N, stat mess/N                       S4
  2 unlink stale local/N, remote/N, bounce/N, info/N
  3 one recipient, and room on its channel: deliver it straight from todo/N; the rest happens when its report is in (passes). Without room
    it waits for WAIT_S, as it is, behind what was due before it came: to preprocess it would make a busy system busier.
  4 else write info/N, local/N, remote/N           +info ?local ?remote, still S4: todo/N counts
  5 one barrier for the batch: these files and their names are on disk
  6 ask qmail-clean to remove intd/N and todo/N    # -todo  S5
  7 both channels are due now
A failure at any step leaves todo/N, and the next look at todo/ begins again.
Step 3 keeps the guarantee: todo/N stays until the delivery has ended, so a crash may repeat it and cannot lose it.
Source   INTERNALS 4, qmail-send.c todo_do; DESIGN 5
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from mta.decisions.rewrite import rewrite
from mta.formats import info, qmaillog, recipients
from mta.formats import todo as todo_format
from mta.formats.todo import Todo
from mta.programs.qmail.qmail_send import leftovers
from mta.programs.qmail.qmail_send.core import SYSFAIL_S, Core, exists, read_file, short
from mta.unix.queuedir import SYNCFS_FROM, numbers
from mta.unix.trigger import Trigger

RESCAN_S = 1500
BLIND_S = 2  # until the next look when todo/ cannot be listed, or nobody can tell us of what comes
BATCH_MAX = 100
WAIT_S, WAITING_MAX = 10, 1000  # a message that could be delivered straight from todo/, and such messages of one channel


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message read from todo/N, its recipients rewritten."""

    messnum: int
    sender: bytes
    local: tuple[bytes, ...]
    remote: tuple[bytes, ...]


Deliver = Callable[[Arrival, int], bool]  # start a direct delivery; False: not now


class _Unreadable(Exception):
    """The disk refused something, which was told."""


class TodoDir:
    """Watches todo/ and works it off. deliver: passes.deliver_directly."""

    def __init__(self, core: Core, trigger: Trigger, deliver: Deliver) -> None:
        self._core = core
        self._deliver = deliver
        self.trigger = trigger
        self._pending: dict[int, None] = {}  # in order
        self._taken: set[int] = set()  # being preprocessed: waiting for qmail-clean; or waiting for room
        self._waiting: dict[bytes, deque[tuple[int, Arrival]]] = {c.name: deque() for c in core.channels}  # since when
        self.looks = 0  # at todo/ so far
        self._rescan_at = 0
        self._again_at: int | None = None  # after a failure

    @property
    def has_work(self) -> bool:
        return bool(self._pending)

    def waiting(self) -> int:
        """Messages that are not preprocessed yet, those delivered straight from todo/ left out."""
        return len(self._pending) + len(self._taken)

    def next_due(self) -> int:
        return self._rescan_at if self._again_at is None else min(self._rescan_at, self._again_at)

    def patience_ends(self) -> int | None:
        """When the first message has waited for room long enough; None: none waits."""
        return min((queue[0][0] + WAIT_S for queue in self._waiting.values() if queue), default=None)

    def look(self, now_s: int) -> None:
        """List todo/. The trigger is reset first, so that what arrives during the listing causes another one."""
        self.trigger.reset()
        self.looks += 1
        self._rescan_at = now_s + RESCAN_S
        self._again_at = None if self.trigger.fd >= 0 else now_s + BLIND_S
        try:
            names = self._core.disk.listdir(self._core.paths.folder(b"todo"))
        except OSError:
            self._core.say.alert(b"unable to opendir todo, sleeping...")
            self._again_at = now_s + BLIND_S
            return
        self._pending.update((n, None) for n in numbers(names) if n not in self._taken and n not in self._core.direct)

    def look_for(self, messnum: int) -> None:
        """Is there a message of this number now?"""
        try:
            if exists(self._core, self._core.paths.todo(messnum)):
                self._pending[messnum] = None
        except OSError:  # the next look will tell
            pass

    def step(self, now_s: int) -> None:
        """Work off one batch."""
        arrivals = []
        for messnum in list(islice(self._pending, BATCH_MAX)):
            del self._pending[messnum]
            try:
                arrival = self._read(messnum)
            except _Unreadable:
                self.again_later(now_s)
                continue
            if arrival is not None and not self._is_direct(arrival, now_s):
                arrivals.append(arrival)
        if arrivals:
            self.preprocess(arrivals, now_s, self._scheduler(now_s))

    def _is_direct(self, arrival: Arrival, now_s: int) -> bool:
        if len(arrival.local) + len(arrival.remote) != 1:
            return False
        waiting = self._waiting[b"local" if arrival.local else b"remote"]
        if not waiting and self._deliver(arrival, now_s):
            return True
        if len(waiting) >= WAITING_MAX:
            return False
        waiting.append((now_s, arrival))
        self._taken.add(arrival.messnum)
        return True

    def start_waiting(self, now_s: int) -> None:
        """Deliver what waits for room, where there is some; preprocess what has waited long enough."""
        late: list[Arrival] = []
        for channel in self._core.channels:
            waiting = self._waiting[channel.name]
            while waiting:
                since_s, arrival = waiting[0]
                due_s = channel.schedule.next_due()
                if (due_s is None or due_s >= since_s) and self._deliver(arrival, now_s):
                    pass
                elif now_s >= since_s + WAIT_S and len(late) < BATCH_MAX:
                    late.append(arrival)
                else:
                    break
                waiting.popleft()
                self._taken.discard(arrival.messnum)
        if late:
            self.preprocess(late, now_s, self._scheduler(now_s))

    # -- reading -------------------------------------------------------------------------------------------------------------------

    def _read(self, messnum: int) -> Arrival | None:
        """None: nothing can be done with it. Raises _Unreadable: not now."""
        core = self._core
        path = core.paths.todo(messnum)
        try:
            data, _ = read_file(core, path)
        except OSError as error:
            core.say.warning(b"unable to open " + short(path))
            raise _Unreadable from error
        try:
            size = core.disk.stat(core.paths.mess(messnum)).st_size
        except FileNotFoundError:
            leftovers.of_todo(core, messnum, data)
            return None
        except OSError as error:
            core.say.warning(b"unable to stat " + short(core.paths.mess(messnum)))
            raise _Unreadable from error
        if not leftovers.unlink_all(core, messnum):
            raise _Unreadable
        core.say(qmaillog.new_msg(messnum))
        try:
            todo = todo_format.read(data)
        except ValueError:
            core.say.warning(b"unknown record type in " + short(path))
            return None
        if todo.sender is not None:
            core.say(qmaillog.info_msg(messnum, size, todo.sender, todo.pid, todo.uid))
        return self._arrival(messnum, todo)

    def _arrival(self, messnum: int, todo: Todo) -> Arrival:
        routes = [rewrite(r, self._core.controls.rewrite) for r in todo.recipients]
        local = tuple(r.address for r in routes if r.channel == b"local")
        remote = tuple(r.address for r in routes if r.channel == b"remote")
        return Arrival(messnum, todo.sender or b"", local, remote)

    # -- writing -------------------------------------------------------------------------------------------------------------------

    def preprocess(self, arrivals: list[Arrival], now_s: int, then: Callable[[Arrival, bool], None]) -> None:
        """Steps 4 to 6. then(arrival, True) once it is S5."""
        written: list[tuple[Arrival, list[tuple[bytes, int]]]] = []
        for arrival in arrivals:
            files = self._write(arrival)
            if files is None:
                then(arrival, False)
            else:
                written.append((arrival, files))
        synced = self._barrier(written)
        for arrival, files in written:
            for _, fd in files:
                self._core.disk.close(fd)
            if arrival.messnum not in synced:
                then(arrival, False)
                continue
            self._taken.add(arrival.messnum)
            self._core.clean.request(b"todo", arrival.messnum, lambda ok, a=arrival: self._cleaned(a, ok, then))  # type: ignore[misc]

    def _cleaned(self, arrival: Arrival, ok: bool, then: Callable[[Arrival, bool], None]) -> None:
        self._taken.discard(arrival.messnum)
        then(arrival, ok)

    def _write(self, arrival: Arrival) -> list[tuple[bytes, int]] | None:
        """-> (path, open descriptor) of each file, or None after a failure that was told."""
        paths = self._core.paths
        wanted = [(paths.info(arrival.messnum), info.write(arrival.sender))]
        for name, addresses in ((b"local", arrival.local), (b"remote", arrival.remote)):
            if addresses:
                wanted.append((paths.channel(name, arrival.messnum), recipients.write(list(addresses))))
        if self._core.written is not None:
            self._core.written.add(arrival.messnum)
        files: list[tuple[bytes, int]] = []
        for path, data in wanted:
            try:
                fd = self._core.disk.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            except OSError:
                self._core.say.warning(b"unable to create " + short(path))
                _give_up(self._core, files)
                return None
            files.append((path, fd))
            try:
                self._core.disk.write(fd, data)
            except OSError:
                self._core.say.warning(b"trouble writing to " + short(path))
                _give_up(self._core, files)
                return None
        return files

    def _barrier(self, written: list[tuple[Arrival, list[tuple[bytes, int]]]]) -> set[int]:
        """-> the messages whose files are on disk. A file whose fsync failed is not synced again: it is made anew the next time."""
        disk = self._core.disk
        if len(written) >= SYNCFS_FROM:
            try:
                disk.syncfs(written[0][1][0][1])
            except OSError:
                self._core.say.warning(b"trouble fsyncing " + short(written[0][1][0][0]))
                return set()
            return {arrival.messnum for arrival, _ in written}
        synced = set()
        for arrival, files in written:
            try:
                for path, fd in files:
                    disk.fsync(fd)
                    disk.sync_dir(os.path.dirname(path))
                synced.add(arrival.messnum)
            except OSError:
                self._core.say.warning(b"trouble fsyncing " + short(path))
        return synced

    # -- scheduling ----------------------------------------------------------------------------------------------------------------

    def _scheduler(self, now_s: int) -> Callable[[Arrival, bool], None]:
        def then(arrival: Arrival, ok: bool) -> None:
            if not ok:
                self.again_later(now_s)
            elif not arrival.local and not arrival.remote:
                self._core.done.add(arrival.messnum, now_s)
            else:
                for channel, addresses in ((self._core.local, arrival.local), (self._core.remote, arrival.remote)):
                    if addresses:
                        channel.schedule.add(arrival.messnum, now_s)

        return then

    def clock_was_set(self, by_s: int) -> None:
        """Every date moves along."""
        self._rescan_at += by_s
        if self._again_at is not None:
            self._again_at += by_s
        for queue in self._waiting.values():
            for i, (since_s, arrival) in enumerate(queue):
                queue[i] = since_s + by_s, arrival

    def again_later(self, now_s: int) -> None:
        """Something of todo/ could not be worked off: look again sooner than usual."""
        self.again_at(now_s + SYSFAIL_S)

    def again_at(self, when_s: int) -> None:
        self._again_at = when_s if self._again_at is None else min(self._again_at, when_s)


def _give_up(core: Core, files: list[tuple[bytes, int]]) -> None:
    for _, fd in files:
        core.disk.close(fd)
