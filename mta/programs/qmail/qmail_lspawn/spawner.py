"""Slots, commands and reports: qmail-send's side of qmail-lspawn.

A command is checked and answered at once, or becomes a delivery that ends with one report. Nobody reading the reports is no reason to stop.
Suspects  a message whose delivery to an address was deferred, or cut short by a crash, may have arrived all the same; so may any message
          that is older than this process. Whoever delivers it next looks whether it is there already.
Source   spawn.c
"""

from __future__ import annotations

import os
import selectors
from dataclasses import dataclass
from functools import partial

from mta.decisions import spawn_report
from mta.errors import DONE, TEMPORARY
from mta.formats import spawn
from mta.formats.local_job import Address, Job
from mta.formats.spawn import Command
from mta.formats.users_assign import User
from mta.programs.qmail.qmail_lspawn import processes, users
from mta.programs.qmail.qmail_lspawn.users import Trouble, Users
from mta.programs.qmail.qmail_lspawn.workers import Workers
from mta.unix import clock, spawn_message
from mta.unix.accounts import Account
from mta.unix.child import Children
from mta.unix.fds import Fds

_INPUT = 1 << 16
_SUSPECTS_MAX = 10_000
_NO_FORK = (TEMPORARY, b"qmail-spawn unable to fork. (#4.3.0)\n")


@dataclass(slots=True)
class Delivery:
    """One slot in use. fd: the message, -1 once somebody else has it; mtime_ns: when it was queued."""

    command: Command
    fd: int
    mtime_ns: int


class Spawner:
    """turn() by turn(). owner: uid of qmailq, who must own every message; asker: as whom qmail-getpw runs."""

    def __init__(
        self,
        default: bytes,
        env: dict[bytes, bytes],
        fds: Fds,
        *,
        owner: int,
        asker: Account,
        is_plain: bool,
        capacity: int = spawn.CAPACITY,
    ) -> None:
        self._default = default
        self._env = env
        self._fds = fds
        self._owner = owner
        self._asker = asker
        self._is_plain = is_plain
        self._capacity = capacity
        self._wide = spawn.width(capacity)
        self._mess = os.path.join(env[b"QMAIL_HOME"], b"queue/mess")
        self._users = Users(env[b"QMAIL_HOME"])
        self._born_ns = clock.now_ns()
        self._slots: dict[int, Delivery] = {}
        self._suspects: dict[tuple[bytes, bytes], bool] = {}  # (message, recipient): did it crash?
        self._buffer = b""
        self._has_input = True
        self._is_heard = True
        self._unsent: list[bytes] = []
        self._uid = os.geteuid()
        self._selector = selectors.DefaultSelector()
        self._children = Children(self._selector, spawn_report.LOCAL_MAX + 1)
        self._workers = Workers(self._selector, partial(processes.worker, env), self._ended, self._crashed)
        self._selector.register(fds[0], selectors.EVENT_READ, self._read)
        self._unsent.append(spawn.hello(capacity))
        self._flush()

    def turn(self, timeout_s: float | None = None) -> bool:
        """Wait for something, deal with it. False: the end of commands, and of all deliveries."""
        idle_s = self._workers.end_idle()
        if idle_s is not None and (timeout_s is None or idle_s < timeout_s):
            timeout_s = idle_s
        for key, _ in self._selector.select(timeout_s):
            key.data()
        self._workers.flush()
        self._flush()
        if self._has_input or self._slots:
            return True
        self._workers.close()
        self._selector.close()
        return False

    # commands

    def _read(self) -> None:
        data = os.read(self._fds[0], _INPUT)
        if not data:
            self._has_input = False
            self._selector.unregister(self._fds[0])
        commands, self._buffer = spawn.read_commands(self._buffer + data, self._wide)
        self._users.look_again()
        for command in commands:
            self._start(command)

    def _start(self, command: Command) -> None:
        try:
            self._check_slot(command.slot)
            fd, mtime_ns = spawn_message.open_(self._mess, command, self._owner)
        except spawn_message.Refused as refused:
            self._unsent.append(spawn.write_report(command.slot, refused.letter, refused.text, self._wide))
            return
        self._slots[command.slot] = Delivery(command, fd, mtime_ns)
        local = command.recipient.rpartition(b"@")[0]
        if not local:
            self._report(command.slot, DONE, b"")
            return
        try:
            user = self._users.assigned(local)
        except Trouble as trouble:
            self._ended(command.slot, trouble.exit, b"")
            return
        if user is None:
            self._ask(command.slot, local)
        else:
            self._deliver(command.slot, user)

    def _check_slot(self, slot: int) -> None:
        if slot >= self._capacity:
            raise spawn_message.Refused(TEMPORARY, b"Internal error: delnum too big. (#4.3.5)\n")
        if slot in self._slots:
            raise spawn_message.Refused(TEMPORARY, b"Internal error: delnum in use. (#4.3.5)\n")

    # whose it is

    def _ask(self, slot: int, local: bytes) -> None:
        """qmail-getpw, in a process of its own: a user database may take its time."""
        stdin = os.open(b"/dev/null", os.O_RDONLY)
        try:
            self._children.start(
                partial(processes.getpw, self._env, self._asker, local), stdin, partial(self._asked, slot), is_joined=False
            )
        except OSError:
            self._report(slot, *_NO_FORK)
        finally:
            os.close(stdin)

    def _asked(self, slot: int, exit_: int, output: bytes) -> None:
        try:
            self._deliver(slot, users.answered(exit_, output))
        except Trouble as trouble:
            self._ended(slot, trouble.exit, b"")

    # delivery

    def _deliver(self, slot: int, user: User) -> None:
        if user.uid == 0:
            self._ended(slot, users.ROOT, b"")
            return
        if self._uid not in (0, user.uid):
            self._report(slot, TEMPORARY, b"Only root can deliver to uid %d.\n" % user.uid)
            return
        delivery = self._slots[slot]
        local, _, host = delivery.command.recipient.rpartition(b"@")
        address = Address(user.user, user.home, local, user.dash, user.ext, host, delivery.command.sender, self._default)
        try:
            if not self._is_plain and self._hand_over(delivery, user, address):
                return
            body = processes.plain if self._is_plain else processes.oneshot
            self._children.start(partial(body, self._env, user.uid, user.gid, address), delivery.fd, partial(self._ended, slot))
        except OSError:
            self._report(slot, *_NO_FORK)

    def _hand_over(self, delivery: Delivery, user: User, address: Address) -> bool:
        """To a living worker? Not what crashed one, and nothing that only qmail-local's usage has an answer to. Raises OSError."""
        command = delivery.command
        crashed = self._suspects.get((command.message, command.recipient))
        if crashed or not user.home.startswith(b"/"):
            return False
        # older than this process, or from the future: the clock was set back, and nobody knows
        is_suspected = crashed is not None or not self._born_ns <= delivery.mtime_ns <= clock.now_ns()
        if not self._workers.send(user.uid, user.gid, Job(command.slot, is_suspected, address), delivery.fd):
            return False
        delivery.fd = -1
        return True

    # reports

    def _ended(self, slot: int, exit_: int, output: bytes) -> None:
        self._report(slot, *spawn_report.local(exit_, output))

    def _crashed(self, slot: int) -> None:
        command = self._slots[slot].command
        self._report(slot, *spawn_report.LOCAL_CRASHED)
        self._suspects[command.message, command.recipient] = True

    def _report(self, slot: int, letter: bytes, text: bytes) -> None:
        delivery = self._slots.pop(slot)
        if delivery.fd >= 0:
            os.close(delivery.fd)
        key = (delivery.command.message, delivery.command.recipient)
        if letter == TEMPORARY:
            self._suspects.setdefault(key, False)
            if len(self._suspects) > _SUSPECTS_MAX:
                del self._suspects[next(iter(self._suspects))]
        else:
            self._suspects.pop(key, None)
        self._unsent.append(spawn.write_report(slot, letter, text, self._wide))

    def _flush(self) -> None:
        """All reports of a turn in one go."""
        data = b"".join(self._unsent)
        self._unsent.clear()
        if data and self._is_heard:
            try:
                self._fds.write(1, data)
            except OSError:
                self._is_heard = False
