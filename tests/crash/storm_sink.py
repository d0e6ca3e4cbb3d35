"""A mail server that cannot be relied on: 4xx and 5xx at any command, connections that break at any moment, now and then a slow answer.

    with FlakySink() as sink:
        ... deliver to 127.0.0.1, sink.port ...
        sink.is_calm = True          # from now on it takes everything it may take
        sink.copies                  # what it has said 250 to
Recipients whose local part begins with "gone" are refused with 550, always. A message counts as taken in the moment before its 250 is sent:
who hears of it or not is the client's affair.
"""

from __future__ import annotations

import asyncio
import random
import socket
import threading
from contextlib import suppress
from types import TracebackType

from tests.crash.ledger import Copy, read

TROUBLE = 0.02  # of each answer
SLOW_S = 0.2
_MESSAGE_MAX = 1 << 24
_DEFAULTS = {b"EHLO": b"250-sink\r\n250 PIPELINING\r\n", b"QUIT": b"221 bye\r\n"}


class _HungUp(Exception):
    """By us."""


class FlakySink:
    def __init__(self, seed: int = 0) -> None:
        self.is_calm = False
        self.copies: list[Copy] = []
        self.connections = 0
        self._chance = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> FlakySink:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._end = asyncio.Event()
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        sessions: set[asyncio.Task[None]] = set()

        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            task = self._loop.create_task(_Session(self, self._chance, reader, writer).run())
            sessions.add(task)
            task.add_done_callback(sessions.discard)

        server = await asyncio.start_server(begin, sock=self._listener, limit=_MESSAGE_MAX)
        await self._end.wait()
        server.close()
        for task in sessions:
            task.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)


class _Session:
    def __init__(self, sink: FlakySink, chance: random.Random, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._sink = sink
        self._chance = chance
        self._reader = reader
        self._writer = writer
        self._has_sender = False
        self._recipients: list[bytes] = []

    async def run(self) -> None:
        try:
            await self._converse()
        except (OSError, _HungUp, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()

    async def _converse(self) -> None:
        await self._answer(b"220 sink ESMTP\r\n")
        while line := await self._reader.readline():
            verb = line[:4].upper()
            if verb == b"DATA" and self._recipients:
                if await self._answer(b"354 go ahead\r\n", b"451 not now\r\n"):
                    await self._message()
                else:
                    self._reset()
            else:
                await self._command(verb, line)
            if verb == b"QUIT":
                return

    async def _command(self, verb: bytes, line: bytes) -> None:
        address = line.partition(b"<")[2].partition(b">")[0]
        if verb == b"MAIL":
            self._reset()
            self._has_sender = await self._answer(b"250 ok\r\n", b"451 not now\r\n")
        elif verb == b"RCPT" and not self._has_sender:
            await self._say(b"503 MAIL first\r\n")
        elif verb == b"RCPT" and address.startswith(b"gone"):
            await self._say(b"550 5.1.1 nobody here by that name\r\n")
        elif verb == b"RCPT":
            if await self._answer(b"250 ok\r\n", b"450 4.7.1 come back later\r\n"):
                self._recipients.append(address)
        elif verb == b"DATA":
            await self._say(b"503 RCPT first\r\n")
        else:
            if verb == b"RSET":
                self._reset()
            await self._answer(_DEFAULTS.get(verb, b"250 ok\r\n"))

    async def _message(self) -> None:
        data = await self._reader.readuntil(b"\r\n.\r\n")
        found = read(data[:-3].replace(b"\r\n..", b"\r\n."))
        if self._happens():
            await self._say(self._chance.choice((b"451 4.3.0 not now\r\n", b"554 5.6.0 not like this\r\n")))
        else:
            self._hang_up_perhaps()
            number, is_whole = found or (0, False)
            self._sink.copies += [Copy(number, r, b"%d" % len(self._sink.copies), is_whole) for r in self._recipients]
            await self._say(b"250 taken\r\n")
        self._reset()

    def _reset(self) -> None:
        self._has_sender = False
        self._recipients = []

    # -- moods ---------------------------------------------------------------------------------------------------------------------

    def _happens(self) -> bool:
        return not self._sink.is_calm and self._chance.random() < TROUBLE

    def _hang_up_perhaps(self) -> None:
        if self._happens():
            self._writer.transport.abort()
            raise _HungUp

    async def _answer(self, good: bytes, bad: bytes = b"421 going away\r\n") -> bool:
        """True: it was the good one."""
        self._hang_up_perhaps()
        is_bad = self._happens()
        await self._say(bad if is_bad else good)
        if is_bad and bad.startswith(b"421"):
            raise _HungUp
        return not is_bad

    async def _say(self, reply: bytes) -> None:
        if self._happens():
            await asyncio.sleep(self._chance.random() * SLOW_S)
        self._writer.write(reply)
        await self._writer.drain()
