"""Questions (formats/ask) from an event-loop server to one of our processes: one connection kept open, answers in the order of questions.

When the other side is away every question is answered "not now" at once; the next one tries to connect again.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from typing import cast

from mta.formats import ask

Answered = Callable[[list[bytes]], None]
AWAY = [ask.NOT_NOW, b"service is away"]


class AskClient(asyncio.Protocol):
    """path: of the socket. ask() may be called at any time from the loop's thread."""

    def __init__(self, path: bytes) -> None:
        self._path = path
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[Answered] = deque()
        self._unsent: deque[bytes] = deque()
        self._buffer = b""
        self._connecting: asyncio.Task[None] | None = None

    def ask(self, words: list[bytes], answered: Answered) -> None:
        self._waiting.append(answered)
        question = ask.write(words)
        if self._transport is not None:
            self._transport.write(question)
            return
        self._unsent.append(question)
        if self._connecting is None:
            self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        try:
            await asyncio.get_running_loop().create_unix_connection(lambda: self, os.fsdecode(self._path))
        except OSError:
            self._fail()
        finally:
            self._connecting = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            while self._buffer and (found := ask.read(self._buffer)) is not None:
                words, used = found
                self._buffer = self._buffer[used:]
                self._waiting.popleft()(words or AWAY)
        except (ValueError, IndexError):  # not one of ours: start afresh
            if self._transport is not None:
                self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._buffer = b""
        self._fail()

    def _fail(self) -> None:
        self._unsent.clear()
        waiting, self._waiting = self._waiting, deque()
        for answered in waiting:
            answered(AWAY)
