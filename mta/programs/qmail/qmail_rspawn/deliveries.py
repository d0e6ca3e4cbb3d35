"""Slots, commands and reports: the spawner's side of qmail-send's pipes.

Each command is checked and answered at once, or becomes part of a task that ends with one report for each of its commands, whatever happens
in it. A slot is free again when its report has been made. Nobody reading the reports is no reason to stop: what is under way ends as it
would.
Source   spawn.c
"""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial

from mta.decisions import spawn_report
from mta.errors import TEMPORARY, MailError
from mta.formats import spawn
from mta.formats.spawn import Command
from mta.net.smtp_client import reports
from mta.programs.qmail.qmail_rspawn import child
from mta.programs.qmail.qmail_rspawn.courier import Couriers, Transaction
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
        self._used: set[int] = set()  # slots
        self._tasks: set[asyncio.Task[list[Report]]] = set()
        self._unsent: list[bytes] = []
        self._is_heard = True

    async def serve(self) -> None:
        """Until the end of fd 0, and of all that is under way then."""
        self._couriers = Couriers(self._home, self._env)
        self._write(spawn.hello(self._capacity))
        buffer = b""
        while data := await asyncio.get_running_loop().run_in_executor(None, os.read, self._fds[0], _INPUT):
            commands, buffer = spawn.read_commands(buffer + data, self._wide)
            self._start([command for command in commands if self._is_fit(command)])
        while self._tasks:
            await asyncio.wait(self._tasks)
        self._flush()
        await self._couriers.close()

    # commands

    def _is_fit(self, command: Command) -> bool:
        """What is not has had its report."""
        try:
            self._check_slot(command.slot)
            spawn_message.check(command)
        except spawn_message.Refused as refused:
            self._report(command.slot, (refused.letter, refused.text))
            return False
        self._used.add(command.slot)
        return True

    def _check_slot(self, slot: int) -> None:
        if slot >= self._capacity:
            raise spawn_message.Refused(TEMPORARY, b"Internal error: delnum too big. (#4.3.5)\n")
        if slot in self._used:
            raise spawn_message.Refused(TEMPORARY, b"Internal error: delnum in use. (#4.3.5)\n")

    def _start(self, commands: list[Command]) -> None:
        """Those that came together."""
        program = self._env.get(b"QMAILREMOTE") or warm.foreign_program(self._home, b"qmail-remote")
        if program is not None:
            for command in commands:
                self._begin([command], partial(self._run, program, command))
            return
        try:
            plan = self._couriers.plan(commands)
        except MailError as error:
            self._end(commands, [spawn_report.remote(0, reports.of_error(error))] * len(commands))
            return
        for transaction in plan:
            self._begin(transaction.commands, partial(self._deliver, transaction))

    def _begin(self, commands: Sequence[Command], deliver: Callable[[int], Coroutine[None, None, list[Report]]]) -> None:
        """commands: of one message. deliver: given its descriptor."""
        try:
            message, _ = spawn_message.open_(self._mess, commands[0], self._owner)
        except spawn_message.Refused as refused:
            self._end(commands, [(refused.letter, refused.text)] * len(commands))
            return
        task = asyncio.get_running_loop().create_task(deliver(message))
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, commands, message))

    async def _run(self, program: bytes, command: Command, message: int) -> list[Report]:
        return [await child.run(program, command, message, env=self._env, folder=self._mess)]

    async def _deliver(self, transaction: Transaction, message: int) -> list[Report]:
        return [spawn_report.remote(0, said) for said in await transaction.deliver(message)]

    # reports

    def _ended(self, commands: Sequence[Command], message: int, task: asyncio.Task[list[Report]]) -> None:
        self._tasks.discard(task)
        with suppress(OSError):  # it is closed all the same
            os.close(message)
        error = task.exception()
        if error is not None:
            self._complain(error)
        self._end(commands, task.result() if error is None else [spawn_report.REMOTE_CRASHED] * len(commands))

    def _end(self, commands: Sequence[Command], found: Sequence[Report]) -> None:
        for command, report in zip(commands, found, strict=True):
            self._used.discard(command.slot)
            self._report(command.slot, report)

    def _report(self, slot: int, report: Report) -> None:
        """All reports of a turn of the loop go together: so will the commands that follow from them."""
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unsent.append(spawn.write_report(slot, *report, self._wide))

    def _flush(self) -> None:
        data = b"".join(self._unsent)
        self._unsent.clear()
        self._write(data)

    def _write(self, data: bytes) -> None:
        if self._is_heard and data:
            try:
                self._fds.write(1, data)
            except OSError:
                self._is_heard = False

    def _complain(self, error: BaseException) -> None:
        places = " ".join(f"{os.path.basename(p.filename)}:{p.lineno}" for p in traceback.extract_tb(error.__traceback__)[-3:])
        self._fds.say(f"qmail-rspawn: warning: delivery crashed: {type(error).__name__}: {error} ({places})\n".encode("utf-8", "replace"))
