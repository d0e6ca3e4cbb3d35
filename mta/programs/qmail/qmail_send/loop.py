"""The loop: waits for reports, the trigger, orders and dates, and gives each part of qmail-send its turn.

Order of a turn   write commands, read reports and answers, todo/, both channels, what is done, the sweep, orders of the control plane
Source   qmail-send.c main
"""

from __future__ import annotations

import os
import selectors
import signal
from collections.abc import Callable

from mta.formats import qmaillog
from mta.programs.qmail.qmail_send import bounces, controls, files, jumps, leftovers
from mta.programs.qmail.qmail_send.channels import Channel
from mta.programs.qmail.qmail_send.cleanups import Sweep
from mta.programs.qmail.qmail_send.core import Core, short
from mta.programs.qmail.qmail_send.finish import finish
from mta.programs.qmail.qmail_send.orders import Orders
from mta.programs.qmail.qmail_send.passes import Passes
from mta.programs.qmail.qmail_send.todo import TodoDir
from mta.unix import clock
from mta.unix.controls import Unreadable
from mta.unix.queuedir import SPLIT, numbers

SLEEP_MAX_S = 86400
DONE_A_TURN = 50


class Loop:
    def __init__(self, core: Core, passes: Passes, todo: TodoDir, orders: Orders | None, env: dict[bytes, bytes]) -> None:
        self._core = core
        self._passes = passes
        self._todo = todo
        self._orders = orders
        self._env = env
        self._sweep = Sweep(core)
        self._clock = jumps.Watch()
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._trigger_fd = -1
        self._flags: set[int] = set()
        self._writers: set[int] = set()

    # -- signals -------------------------------------------------------------------------------------------------------------------

    def install_signals(self) -> None:
        """TERM: stop. ALRM: everything is due. HUP: reread. They only set flags, and wake the loop."""
        for fd in (self._wake_read, self._wake_write):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGALRM, signal.SIGHUP):
            signal.signal(number, lambda n, _frame: self._flags.add(n))
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    def _heed_signals(self, now_s: int) -> None:
        flags, self._flags = self._flags, set()
        if signal.SIGTERM in flags:
            self._core.is_exiting = True
            self._passes.say_status()
        if signal.SIGALRM in flags:
            self._core.all_due(now_s)
            self._todo.again_at(now_s)
        if signal.SIGHUP in flags:
            self._reread()

    def _reread(self) -> None:
        try:
            self._core.controls = controls.reread(self._core.home, self._core.controls)
        except Unreadable as error:
            which = b"control/virtualdomains" if b"virtualdomains" in str(error).encode() else b"control/locals"
            self._core.say.alert(b"unable to reread " + which)

    # -- start and end -------------------------------------------------------------------------------------------------------------

    def load_queue(self, now_s: int) -> None:
        """Every message in info/ gets its date; bounces that were queued when we died are found."""
        known = files.of_all(self._core)
        for i in range(SPLIT):
            folder = self._core.paths.folder(b"info/%d" % i)
            try:
                names = self._core.disk.listdir(folder)
            except OSError:
                self._core.say.alert(b"unable to opendir %b, sleeping..." % short(folder))
                continue
            for messnum in numbers(names):
                self._passes.adopt(messnum, now_s, known)
        bounces.recover(self._core)
        self._core.written = leftovers.listed(self._core)

    def _save_dates(self) -> None:
        """The mtime of local/N and remote/N carries the next attempt over a clean stop."""
        for channel in self._core.channels:
            for messnum, due_s in channel.schedule.due.items():
                path = self._core.paths.channel(channel.name, messnum)
                try:
                    self._core.disk.utime(path, (due_s, due_s))
                except OSError:
                    self._core.say.warning(b"unable to utime %b; message will be retried too soon" % short(path))

    def _may_end(self) -> bool:
        core = self._core
        return core.is_exiting and core.clean.is_idle and not any(c.running and c.is_alive for c in core.channels)

    # -- turns ---------------------------------------------------------------------------------------------------------------------

    def run(self) -> int:
        """Until TERM, or until a helper is lost -> exit code."""
        core = self._core
        for channel in core.channels:
            self._selector.register(channel.fd_in, selectors.EVENT_READ, lambda c=channel: self._reports(c))
        self._selector.register(core.clean.fd_in, selectors.EVENT_READ, self._clean_answers)
        self._selector.register(self._wake_read, selectors.EVENT_READ, self._drain_wakeups)
        if self._orders is not None:
            self._orders.register(self._selector)
        self._passes.say_status()
        self._look_at_the_clock()
        while not self._may_end():
            self._turn()
        self._save_dates()
        core.say(qmaillog.exiting())
        core.say.flush()
        return 0

    def _turn(self) -> None:
        core = self._core
        self._watch()
        core.say.flush()
        ready = self._selector.select(self._timeout_s(core.now_s))
        self._look_at_the_clock()
        now_s = core.now_s
        for key, _ in ready:
            key.data()
        self._heed_signals(now_s)
        if not core.is_exiting:
            if now_s >= self._todo.next_due():
                self._look(now_s)
            if self._todo.has_work:
                self._todo.step(now_s)
            self._todo.start_waiting(now_s)
            self._passes.step(now_s)
        self._finish_some(now_s)
        self._sweep.step(now_s)
        self._write_commands()

    def _look_at_the_clock(self) -> None:
        self._core.now_s = clock.now_s()
        by_s = self._clock.look(self._core.now_s, clock.steady_s())
        if by_s:
            jumps.move(self._core, by_s)
            self._todo.clock_was_set(by_s)
            self._sweep.clock_was_set(by_s)

    def _finish_some(self, now_s: int) -> None:
        for _ in range(DONE_A_TURN):
            messnum = self._core.done.pop(now_s)
            if messnum is None:
                break
            finish(self._core, messnum, now_s, self._env)
        self._passes.remove_again(now_s)
        failed = self._core.failed_stats.pop(now_s)
        if failed is not None:
            self._passes.adopt(failed, now_s)

    def _timeout_s(self, now_s: int) -> float:
        """0 while there is work that need not wait, else until the next date."""
        core = self._core
        if self._flags or self._sweep.is_running:
            return 0
        if not core.is_exiting and (self._todo.has_work or self._passes.has_work(now_s)):
            return 0
        dates = [self._todo.next_due(), self._sweep.next_due()] if not core.is_exiting else []
        schedules = [
            core.done,
            core.failed_stats,
            core.removals,
            *(c.schedule for c in core.channels if c.has_room and not core.is_exiting),
        ]
        dates += [due for s in schedules if (due := s.next_due()) is not None]
        patience_ends = self._todo.patience_ends()
        if patience_ends is not None and not core.is_exiting:
            dates.append(patience_ends)
        return max(0, min([*dates, now_s + SLEEP_MAX_S]) - now_s)

    # -- descriptors ---------------------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Watch the trigger under its current descriptor, and for room in pipes only while something waits to be written."""
        if self._trigger_fd != self._todo.trigger.fd:
            if self._trigger_fd >= 0:
                self._selector.unregister(self._trigger_fd)
            self._trigger_fd = self._todo.trigger.fd
            if self._trigger_fd >= 0:
                self._selector.register(self._trigger_fd, selectors.EVENT_READ, self._triggered)
        wanted: dict[int, Callable[[], None]] = {}
        for channel in self._core.channels:
            if channel.wants_to_write:
                wanted[channel.fd_out] = lambda: None
        if self._core.clean.wants_to_write:
            wanted[self._core.clean.fd_out] = lambda: None
        for fd in self._writers - wanted.keys():
            self._selector.unregister(fd)
        for fd in wanted.keys() - self._writers:
            self._selector.register(fd, selectors.EVENT_WRITE, wanted[fd])
        self._writers = set(wanted)

    def _look(self, now_s: int) -> None:
        """List todo/. The trigger's descriptor is closed and opened on the way, so the selector must forget it before."""
        if self._trigger_fd >= 0:
            self._selector.unregister(self._trigger_fd)
            self._trigger_fd = -1
        self._todo.look(now_s)

    def _triggered(self) -> None:
        """Something new lies in todo/. While exiting it can wait for the next start."""
        if not self._core.is_exiting:
            self._look(self._core.now_s)
            return
        self._selector.unregister(self._trigger_fd)
        self._todo.trigger.close()
        self._trigger_fd = -1

    def _drain_wakeups(self) -> None:
        try:
            os.read(self._wake_read, 4096)
        except BlockingIOError:
            pass

    def _reports(self, channel: Channel) -> None:
        reports = channel.read()
        if reports is None:
            self._lose(channel)
            return
        for report in reports:
            self._passes.report(channel, report, self._core.now_s)

    def _clean_answers(self) -> None:
        self._core.clean.read()
        if self._core.clean.is_lost:
            self._selector.unregister(self._core.clean.fd_in)
            self._core.is_exiting = True

    def _write_commands(self) -> None:
        for channel in self._core.channels:
            if channel.wants_to_write and not channel.write():
                self._lose(channel)
        if self._core.clean.wants_to_write:
            self._core.clean.write()

    def _lose(self, channel: Channel) -> None:
        if not channel.is_alive:
            return
        channel.is_alive = False
        self._selector.unregister(channel.fd_in)
        self._core.say.alert(b"oh no! lost spawn connection! dying...")
        self._core.is_exiting = True
