"""Deliveries by our own SMTP client, with the control files as they are now.

Controls are looked at again when a second has passed since the last time. Deliveries under way end with the old ones, connections that were
made with the old ones are closed. Controls that cannot be read defer every delivery until they can.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mta.decisions.remote_route import Target
from mta.errors import Temporary
from mta.formats.spawn import Command
from mta.net.resolver import Resolvers
from mta.net.smtp_client import controls, reports
from mta.net.smtp_client.controls import RemoteControls
from mta.net.smtp_client.deliver import Courier
from mta.net.smtp_client.message import Message
from mta.net.smtp_client.pool import Pool
from mta.net.smtp_client.state import Envelope
from mta.programs.qmail.qmail_rspawn.shared import shared
from mta.unix.controls import ControlDir, Unreadable
from mta.unix.tcpto import TcpTo

CHECK_S = 1.0


@dataclass(frozen=True, slots=True)
class Transaction:
    """Commands of one message, one sender and one destination."""

    courier: Courier
    target: Target
    commands: Sequence[Command]

    async def deliver(self, message: int) -> list[bytes]:
        """message: its descriptor -> for each command the reports of qmail-remote."""
        envelope = Envelope(self.commands[0].sender, tuple(c.recipient for c in self.commands))
        return await self.courier.deliver_each(self.target, envelope, Message(message))


class Couriers:
    """Made and used inside the event loop."""

    def __init__(self, home: bytes, env: Mapping[bytes, bytes]) -> None:
        self._home = home
        self._env = env
        self._tcpto = os.path.join(home, b"queue/lock/tcpto")
        self._numbers = itertools.count(os.getpid())  # in place of process ids: they spread the ends of pauses
        self._resolvers: Resolvers | None = None
        self._loaded: tuple[ControlDir, RemoteControls] | None = None
        self._pool = Pool()
        self._next_check = 0.0
        self._closing: set[asyncio.Task[None]] = set()

    def plan(self, commands: Sequence[Command]) -> list[Transaction]:
        """What is to be done for commands that came together. Raises Temporary."""
        courier = self._current()
        return [Transaction(courier, target, group) for target, group in shared(commands, functools.cache(courier.target))]

    async def close(self) -> None:
        """When no delivery is under way any more."""
        self._retire()
        await asyncio.wait(self._closing)

    def _current(self) -> Courier:
        """Raises Temporary."""
        now = asyncio.get_running_loop().time()
        if now >= self._next_check:
            self._next_check = now + CHECK_S
            self._look_again()
        if self._resolvers is None:
            self._resolvers = Resolvers(self._env)
        if self._loaded is None:
            self._loaded = self._load()
        return Courier(self._loaded[1], self._resolvers.current, TcpTo(self._tcpto, pid=next(self._numbers)), self._pool)

    def _look_again(self) -> None:
        if self._resolvers is not None:
            self._resolvers.refresh()
        if self._loaded is not None and not self._loaded[0].is_fresh():
            self._retire()

    def _load(self) -> tuple[ControlDir, RemoteControls]:
        try:
            folder = ControlDir(self._home)
        except Unreadable:
            raise Temporary(reports.NO_CONTROLS) from None
        return folder, controls.load(folder)

    def _retire(self) -> None:
        if self._loaded is not None:
            self._loaded[0].close()
            self._loaded = None
        task = asyncio.get_running_loop().create_task(self._pool.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        self._pool = Pool()
