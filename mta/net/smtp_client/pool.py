"""Connections to mail servers that have just taken a message and wait for the next one to the same destination.

A destination is a decisions/remote_route Target: the same host by the same route. Controls that changed come with a new pool.
Limits   5 seconds idle, 100 messages and 5 minutes a connection, 50 idle connections in all (the longest idle goes), 20 deliveries to one
         destination at a time, the others wait for their turn
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from mta.decisions.remote_route import Target
from mta.net.smtp_client import steps
from mta.net.smtp_client.state import Session
from mta.net.smtp_client.wire import Wire


@dataclass(frozen=True, slots=True)
class Limits:
    idle_s: float = 5.0
    age_s: float = 300.0
    messages: int = 100
    idle_connections: int = 50
    per_destination: int = 20


@dataclass(slots=True, eq=False)
class Connection:
    wire: Wire
    session: Session
    since: float  # loop time of its beginning
    messages: int = 0
    timer: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class _Turns:
    """Who may deliver to a destination."""

    free: asyncio.Semaphore
    users: int = 0


@dataclass(slots=True)
class Pool:
    limits: Limits = field(default_factory=Limits)
    _idle: dict[Target, list[Connection]] = field(default_factory=dict)
    _order: dict[Connection, Target] = field(default_factory=dict)  # longest idle first
    _turns: dict[Target, _Turns] = field(default_factory=dict)
    _closing: set[asyncio.Task[None]] = field(default_factory=set)
    _is_closed: bool = False

    @asynccontextmanager
    async def turn(self, target: Target) -> AsyncIterator[None]:
        """Held while delivering to target."""
        turns = self._turns.setdefault(target, _Turns(asyncio.Semaphore(self.limits.per_destination)))
        turns.users += 1
        try:
            async with turns.free:
                yield
        finally:
            turns.users -= 1
            if not turns.users:
                del self._turns[target]

    def take(self, target: Target) -> Connection | None:
        """The connection used last, if one is alive."""
        while waiting := self._idle.get(target):
            connection = waiting[-1]
            self._forget(connection)
            if connection.wire.is_idle:
                return connection
            connection.wire.abort()
        return None

    def keep(self, target: Target, connection: Connection) -> None:
        """After a message was accepted. Closes it when it has done enough."""
        loop = asyncio.get_running_loop()
        is_worn = connection.messages >= self.limits.messages or loop.time() - connection.since >= self.limits.age_s
        if self._is_closed or is_worn or not connection.wire.is_idle:
            self._part(connection)
            return
        connection.timer = loop.call_later(self.limits.idle_s, self._expire, connection)
        self._idle.setdefault(target, []).append(connection)
        self._order[connection] = target
        if len(self._order) > self.limits.idle_connections:
            self._expire(next(iter(self._order)))

    async def close(self) -> None:
        """Say QUIT to all that wait. Deliveries under way close theirs themselves."""
        self._is_closed = True
        for connection in list(self._order):
            self._expire(connection)
        if self._closing:
            await asyncio.wait(self._closing)

    def _expire(self, connection: Connection) -> None:
        self._forget(connection)
        self._part(connection)

    def _forget(self, connection: Connection) -> None:
        target = self._order.pop(connection)
        if connection.timer is not None:
            connection.timer.cancel()
        self._idle[target].remove(connection)
        if not self._idle[target]:
            del self._idle[target]

    def _part(self, connection: Connection) -> None:
        task = asyncio.get_running_loop().create_task(connection.wire.close(steps.QUIT))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
