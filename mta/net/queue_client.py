"""The queue writer as an event-loop server sees it: one connection kept open, many messages on it at a time.

A message that was under way when the connection broke is answered Temporary: nobody knows what became of it. One of which nothing had been
sent waits a moment for the writer to be started again. Where QMAILQUEUE names a program, that program runs for each message instead
(ProgramStream).
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from mta.formats import queue_call

Done = Callable[[int, int, bytes], None]  # (qmail-queue's exit code, qp, descriptor 6)
_WRITER_GONE = 56


class Stream:
    """One message on its way to the queue."""

    def write(self, data: bytes) -> None:
        raise NotImplementedError

    def commit(self, envelope: bytes, done: Done) -> None:
        """done is called once, later or at once."""
        raise NotImplementedError

    def abort(self) -> None:
        raise NotImplementedError

    def waiting(self) -> int:
        """Octets handed in and not taken yet: more than HIGH_WATER, and the sender should be made to wait."""
        return 0

    def when_taken(self, call: Callable[[], None]) -> None:
        """call is called once, when most of what waits was taken, or never will be."""
        raise NotImplementedError


HIGH_WATER = 1 << 20
HOLD_S = 3.0  # how long a message waits for a writer that is just being started again


class QueueClient:
    """Opens streams. path: the writer's socket. keep() must run for as long as there are streams."""

    def __init__(self, path: bytes) -> None:
        self._path = path
        self._connection: _Connection | None = None
        self._held: list[tuple[float, _WriterStream]] = []
        self._next = 0

    async def keep(self) -> None:
        """Have a connection at hand, from before the first message on and after each restart of the writer."""
        loop = asyncio.get_running_loop()
        while True:
            if self._connection is None:
                with suppress(OSError):
                    _, self._connection = await loop.create_unix_connection(lambda: _Connection(self._lost), os.fsdecode(self._path))
            self._release(loop.time())
            await asyncio.sleep(0.02 if self._held else 0.1)

    def _release(self, now: float) -> None:
        """Send what was held for a connection, or tell that there is none."""
        held, self._held = self._held, []
        for deadline, stream in held:
            if self._connection is None and now < deadline:
                self._held.append((deadline, stream))
            else:
                stream.go(self._connection)

    def _lost(self) -> None:
        self._connection = None

    def open(self) -> Stream:
        self._next = (self._next + 1) & 0xFFFFFFFF
        return _WriterStream(self, self._next)

    def connection(self) -> _Connection | None:
        return self._connection

    def hold(self, stream: _WriterStream) -> None:
        """Its go() is called when there is a connection, or when none came in time."""
        self._held.append((asyncio.get_running_loop().time() + HOLD_S, stream))


class _Connection(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, lost: Callable[[], None]) -> None:
        self._lost = lost
        self._buffer = b""
        self._unsent: list[bytes] = []
        self.waiting: dict[int, Done] = {}
        self.held_up: list[Callable[[], None]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self.transport.set_write_buffer_limits(high=HIGH_WATER)  # resume_writing at a quarter of it

    def resume_writing(self) -> None:
        calls, self.held_up = self.held_up, []
        for call in calls:
            call()

    def send(self, data: bytes) -> None:
        """Goes out at the end of this turn of the loop, with what else there is to be sent then."""
        self._unsent.append(data)
        if len(self._unsent) == 1:
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        data = b"".join(self._unsent)
        self._unsent.clear()
        if not self.transport.is_closing():
            self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data
        frames, used = queue_call.read_frames(buffer)
        self._buffer = buffer[used:]
        for stream, _kind, payload in frames:
            done = self.waiting.pop(stream, None)
            if done is not None:
                exit_, _messnum, qp = queue_call.read_result(payload)
                done(exit_, qp, b"")

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost()
        waiting, self.waiting = self.waiting, {}
        for done in waiting.values():
            done(_WRITER_GONE, 0, b"")
        self.resume_writing()


class _WriterStream(Stream):
    """Small messages travel with their envelope in one piece; what grows beyond FLUSH is sent as it comes."""

    FLUSH = 1 << 16
    HELD_MAX = 1 << 20  # of a message that has no connection yet

    def __init__(self, client: QueueClient, number: int) -> None:
        self._client = client
        self._connection = client.connection()
        self._number = number
        self._parts: list[bytes] = []
        self._size = 0
        self._is_lost = False
        self._is_begun = False
        self._commit: tuple[bytes, Done] | None = None

    def write(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        if self._size >= self.FLUSH and self._connection is not None:
            self._is_begun = True
            self._connection.send(self._take())
        elif self._size > self.HELD_MAX:
            self._is_lost = True
            self._take()

    def _take(self) -> bytes:
        message = b"".join(self._parts)
        self._parts, self._size = [], 0
        step = queue_call.FRAME_MAX
        return b"".join(queue_call.frame(self._number, queue_call.MESSAGE, message[at : at + step]) for at in range(0, len(message), step))

    def commit(self, envelope: bytes, done: Done) -> None:
        self._commit = (envelope, done)
        connection = self._connection
        if connection is not None and connection.transport.is_closing() and not self._is_begun:
            connection = None
        if connection is not None or self._is_lost:
            self.go(connection)
        else:
            self._client.hold(self)

    def go(self, connection: _Connection | None) -> None:
        """Send the rest, or tell that nobody takes it."""
        if self._commit is None:  # given up meanwhile
            return
        envelope, done = self._commit
        if connection is None or self._is_lost or connection.transport.is_closing():
            done(_WRITER_GONE, 0, b"")
            return
        self._connection = connection
        connection.waiting[self._number] = done
        connection.send(self._take() + queue_call.frame(self._number, queue_call.ENVELOPE, envelope))

    def abort(self) -> None:
        self._commit = None
        if self._connection is not None and not self._connection.transport.is_closing():
            self._connection.send(queue_call.frame(self._number, queue_call.ABORT))

    def waiting(self) -> int:
        if self._connection is None or self._connection.transport.is_closing():
            return 0
        return self._connection.transport.get_write_buffer_size()

    def when_taken(self, call: Callable[[], None]) -> None:
        assert self._connection is not None  # or nothing would wait
        self._connection.held_up.append(call)


class ProgramStream(Stream):
    """A message for the program that QMAILQUEUE names: one process per message, working directory the instance's home (the server's own).
    The message waits in a temporary file, in memory while it is small."""

    def __init__(self, program: bytes) -> None:
        self._program = program
        self._spool = tempfile.SpooledTemporaryFile(max_size=1 << 16)  # noqa: SIM115 - lives as long as the message
        self._task: asyncio.Task[None] | None = None

    def write(self, data: bytes) -> None:
        self._spool.write(data)

    def commit(self, envelope: bytes, done: Done) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(envelope, done))

    def abort(self) -> None:
        self._spool.close()

    async def _run(self, envelope: bytes, done: Done) -> None:
        self._spool.seek(0)
        loop = asyncio.get_running_loop()
        exit_, qp, custom = await loop.run_in_executor(None, _run_program, self._program, self._spool.fileno(), envelope)
        self._spool.close()
        done(exit_, qp, custom)


_EXEC_FAILED = 120
_CUSTOM_MAX = 255


def _run_program(program: bytes, message: int, envelope: bytes) -> tuple[int, int, bytes]:
    """In a thread -> (exit code, process id, descriptor 6)."""
    envelope_read, envelope_write = os.pipe()
    custom_read, custom_write = os.pipe()
    wiring = [(os.POSIX_SPAWN_DUP2, message, 0), (os.POSIX_SPAWN_DUP2, envelope_read, 1), (os.POSIX_SPAWN_DUP2, custom_write, 6)]
    try:
        pid = os.posix_spawn(program, [program], os.environb, file_actions=wiring)
    except OSError:
        pid = 0
    os.close(envelope_read)
    os.close(custom_write)
    with open(envelope_write, "wb", buffering=0) as out, open(custom_read, "rb") as custom_file:
        if not pid:
            return _EXEC_FAILED, 0, b""
        with suppress(BrokenPipeError):  # its exit code says the rest
            out.write(envelope)
            out.close()
        custom = custom_file.read(_CUSTOM_MAX)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), pid, custom
