"""The answering side of formats/ask in an event loop. A handler is a plain function: (uid of the asker, words) -> words, or something
to await for them. Its Permanent and Temporary failures become answers; so do OSError and ValueError, which are "not now".
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import cast

from mta.errors import MailError, Permanent
from mta.formats import ask
from mta.unix.ask import peer_uid

Words = list[bytes]
Handler = Callable[[int, Words], Words | Awaitable[Words]]


class Connection(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._buffer = b""
        self._uid = -1
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._uid = peer_uid(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._advance()

    def _advance(self) -> None:
        """Answer one question after the other; one that takes time holds up those behind it, on this connection alone."""
        try:
            while self._task is None and self._buffer and (found := ask.read(self._buffer)) is not None:
                words, used = found
                self._buffer = self._buffer[used:]
                answer = self._ask(words)
                if isinstance(answer, list):
                    self.transport.write(ask.write(answer))
                else:
                    self.transport.pause_reading()
                    self._task = asyncio.get_running_loop().create_task(self._finish(answer))
        except ValueError:
            self.transport.abort()

    def _ask(self, words: Words) -> Words | Awaitable[Words]:
        try:
            return self._handler(self._uid, words)
        except (MailError, OSError, ValueError) as error:
            return failure(error)

    async def _finish(self, answer: Awaitable[Words]) -> None:
        try:
            words = await answer
        except (MailError, OSError, ValueError) as error:
            words = failure(error)
        self._task = None
        if not self.transport.is_closing():
            self.transport.write(ask.write(words))
            self.transport.resume_reading()
            self._advance()

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        if self._task is None:
            self.transport.resume_reading()


def failure(error: Exception) -> Words:
    """A failure in words."""
    if isinstance(error, Permanent):
        return [ask.NO, error.text.encode()]
    return [ask.NOT_NOW, str(error).encode()]


async def serve(sock: socket.socket, handler: Handler) -> asyncio.Server:
    return await asyncio.get_running_loop().create_unix_server(lambda: Connection(handler), sock=sock)
