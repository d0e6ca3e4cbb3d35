"""One connection to a mail server: replies come in, bytes go out, each within a time limit.

Limits   the whole of a reply must come within the time given (the original gives each octet of it so long); so must the room for what is
         sent. 128 KiB that nobody has asked for wait in memory, then the server is not read any more.
TLS      whatever arrived in the clear after the reply to STARTTLS ends the connection: it could be taken for what was said under TLS.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import cast

from mta.net.smtp_client.reply import Replies, Reply

UNREAD_MAX = 1 << 17
CLOSING_S = 2.0  # for the last bytes to leave
_TLS_CLOSING_S = 1.0


class Lost(Exception):
    """The connection is gone, or its time is up."""


class Wire(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._replies = Replies()
        self._is_over = False
        self._is_paused = False
        self._closed: asyncio.Future[None] = loop.create_future()
        self._waiter: asyncio.Future[None] | None = None  # for input
        self._room: asyncio.Future[None] | None = None  # for output

    # -- the loop calls ------------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        self._replies.feed(data)
        if len(self._replies) > UNREAD_MAX and not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()
        _wake(self._waiter)

    def eof_received(self) -> bool:
        self._end()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
        _wake(self._closed)

    def pause_writing(self) -> None:
        self._room = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        _wake(self._room)
        self._room = None

    def _end(self) -> None:
        self._is_over = True
        _wake(self._waiter)
        _wake(self._room)

    # -- the edge calls ------------------------------------------------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """Open, and the server has said nothing more: fit to be kept."""
        return not self._is_over and not len(self._replies)

    async def reply(self, timeout_s: float) -> Reply:
        """Raises Lost."""
        try:
            async with asyncio.timeout(timeout_s):
                while (reply := self._replies.next()) is None:
                    if self._is_over:
                        raise Lost
                    self._waiter = asyncio.get_running_loop().create_future()
                    await self._waiter
        except TimeoutError:
            raise Lost from None
        if self._is_paused and len(self._replies) <= UNREAD_MAX and not self._is_over:
            self._is_paused = False
            self.transport.resume_reading()
        return reply

    async def early_reply(self) -> Reply | None:
        """A reply that has come without being waited for. Lets others work."""
        await asyncio.sleep(0)
        return self._replies.next()

    async def send(self, data: bytes, timeout_s: float) -> None:
        """Returns when there is room for more. Raises Lost."""
        if self._is_over or self.transport.is_closing():
            raise Lost
        self.transport.write(data)
        if self._room is None:
            return
        try:
            async with asyncio.timeout(timeout_s):
                await self._room
        except TimeoutError:
            raise Lost from None
        if self._is_over:
            raise Lost

    async def start_tls(self, context: ssl.SSLContext, name: str, timeout_s: float) -> None:
        """name: of the server, for SNI and, where the context verifies, for its certificate. Raises OSError (ssl.SSLError is one)."""
        if not self.is_idle:
            raise ssl.SSLError("the server spoke before the handshake")
        transport = await asyncio.get_running_loop().start_tls(
            self.transport,
            self,
            context,
            server_hostname=name,
            ssl_handshake_timeout=max(timeout_s, 0.001),
            ssl_shutdown_timeout=_TLS_CLOSING_S,
        )
        if transport is None:
            raise ConnectionResetError("the connection was lost in the handshake")
        self.transport = transport

    async def close(self, last_words: bytes = b"") -> None:
        """Send what is waiting, and close; whoever does not take it in time is cut off."""
        if last_words and not self._is_over:
            self.transport.write(last_words)
        self.transport.close()
        try:
            async with asyncio.timeout(CLOSING_S):
                await asyncio.shield(self._closed)
        except TimeoutError:
            self.transport.abort()

    def abort(self) -> None:
        self.transport.abort()


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


async def connect(ip: str, port: int, timeout_s: float, source: str | None = None) -> Wire:
    """source: the address of ours to use, for servers of the same family. Raises TimeoutError when nobody answered in time, OSError when
    somebody said no."""
    local = (source, 0) if source is not None and (":" in source) == (":" in ip) else None
    async with asyncio.timeout(timeout_s):
        _, wire = await asyncio.get_running_loop().create_connection(Wire, ip, port, local_addr=local)
    return wire
