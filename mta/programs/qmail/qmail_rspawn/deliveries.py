"""Slots, commands and reports: the spawner's side of qmail-send's pipes.

Each command is checked and answered at once, or becomes a task that ends with one report, whatever happens in it. A slot is free again when
its report has been written. Nobody reading the reports is no reason to stop: what is under way ends as it would.
Source   spawn.c
"""

from __future__ import annotations

import asyncio
import os
import traceback
from functools import partial

from mta.decisions import spawn_report
from mta.errors import TEMPORARY
from mta.formats import spawn
from mta.formats.spawn import Command
from mta.programs.qmail.qmail_rspawn import child
from mta.programs.qmail.qmail_rspawn.courier import Couriers
from mta.unix import spawn_message, warm
from mta.unix.fds import Fds

_INPUT = 1 << 16
Report = tuple[bytes, bytes]  # letter, text


class Deliveries:
    """owner: uid of qmailq, who must own every message."""

    def __init__(self, home: bytes, env: dict[bytes, bytes], fds: Fds, owner: int, capacity: int = spawn.CAPACITY) -> None:
        self._home = home
        self._capacity = capacity
        self._wide = spawn.width(capacity)
        self._mess = os.path.join(home, b"queue/mess")
        self._env = env
        self._fds = fds
        self._owner = owner
        self._tasks: dict[int, asyncio.Task[Report]] = {}  # by slot
        self._is_heard = True

    async def serve(self) -> None:
        """Until the end of fd 0, and of all that is under way then."""
        self._couriers = Couriers(self._home, self._env)
        self._write(spawn.hello(self._capacity))
        buffer = b""
        while data := await asyncio.get_running_loop().run_in_executor(None, os.read, self._fds[0], _INPUT):
            commands, buffer = spawn.read_commands(buffer + data, self._wide)
            for command in commands:
                self._start(command)
        if self._tasks:
            await asyncio.wait(self._tasks.values())
        await self._couriers.close()

    def _start(self, command: Command) -> None:
        try:
            self._check_slot(command.slot)
            message, _ = spawn_message.open_(self._mess, command, self._owner)
        except spawn_message.Refused as refused:
            self._report(command.slot, (refused.letter, refused.text))
            return
        task = asyncio.get_running_loop().create_task(self._deliver(command, message))
        self._tasks[command.slot] = task
        task.add_done_callback(partial(self._ended, command.slot))

    def _check_slot(self, slot: int) -> None:
        if slot >= self._capacity:
            raise spawn_message.Refused(TEMPORARY, b"Internal error: delnum too big. (#4.3.5)\n")
        if slot in self._tasks:
            raise spawn_message.Refused(TEMPORARY, b"Internal error: delnum in use. (#4.3.5)\n")

    async def _deliver(self, command: Command, message: int) -> Report:
        """message: a descriptor, closed at the end."""
        try:
            program = self._env.get(b"QMAILREMOTE") or warm.foreign_program(self._home, b"qmail-remote")
            if program is not None:
                return await child.run(program, command, message, env=self._env, folder=self._mess)
            return spawn_report.remote(0, await self._couriers.deliver(command, message))
        finally:
            os.close(message)

    def _ended(self, slot: int, task: asyncio.Task[Report]) -> None:
        error = task.exception()
        if error is not None:
            self._complain(error)
        self._report(slot, spawn_report.REMOTE_CRASHED if error is not None else task.result())
        del self._tasks[slot]

    def _report(self, slot: int, report: Report) -> None:
        self._write(spawn.write_report(slot, *report, self._wide))

    def _write(self, data: bytes) -> None:
        if self._is_heard:
            try:
                self._fds.write(1, data)
            except OSError:
                self._is_heard = False

    def _complain(self, error: BaseException) -> None:
        places = " ".join(f"{os.path.basename(p.filename)}:{p.lineno}" for p in traceback.extract_tb(error.__traceback__)[-3:])
        self._fds.say(f"qmail-rspawn: warning: delivery crashed: {type(error).__name__}: {error} ({places})\n".encode("utf-8", "replace"))
