"""The answering side of formats/ask in an event loop. A handler is a plain function: (uid of the asker, words) -> words.

It must not block for long: what takes time belongs in a process of its own.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from mta.errors import MailError, Permanent
from mta.formats import ask
from mta.unix.ask import peer_uid

Handler = Callable[[int, list[bytes]], list[bytes]]


class Connection(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._buffer = b""
        self._uid = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._uid = peer_uid(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            while self._buffer and (found := ask.read(self._buffer)) is not None:
                words, used = found
                self._buffer = self._buffer[used:]
                self.transport.write(ask.write(answer(self._handler, self._uid, words)))
        except ValueError:
            self.transport.abort()

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()


def answer(handler: Handler, uid: int, words: list[bytes]) -> list[bytes]:
    """The handler's words, its failures put into words, too."""
    try:
        return handler(uid, words)
    except MailError as error:
        return [ask.NO if isinstance(error, Permanent) else ask.NOT_NOW, error.text.encode()]
    except (OSError, ValueError) as error:
        return [ask.NOT_NOW, str(error).encode()]


async def serve(sock: socket.socket, handler: Handler) -> asyncio.Server:
    return await asyncio.get_running_loop().create_unix_server(lambda: Connection(handler), sock=sock)
