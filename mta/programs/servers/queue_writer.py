"""queue-writer: put messages of many callers into the queue, many at a time.

It stands where the setuid qmail-queue stands in the original: the only process that may write new messages into queue/. Who is calling is
what the kernel says of the other end of the socket. All messages that wait share their barriers (unix/queuedir), so that a busy hour costs
fewer of them, and each caller hears "queued" only after the barrier.

Reads    run/queue-writer (formats/queue_call): messages and envelopes
Writes   queue/mess, queue/todo, one byte to queue/lock/trigger; fd 2: one line at start, and one for trouble
Exits    0 after SIGTERM, when what was under way is finished; 111 if it cannot start
Limits   4 MiB of a caller's message wait in memory, then the caller waits; 256 messages a batch
Runs as  qmailq, after it made its socket as root
Source   qmail-queue(8), DESIGN 4 and 5
"""

from __future__ import annotations

import asyncio
import os
import queue
import signal
import socket
import threading
from dataclasses import dataclass, field
from typing import cast

from mta.errors import Temporary
from mta.formats import envelope, queue_call, received, todo
from mta.unix import accounts, ask, clock
from mta.unix.fds import Fds
from mta.unix.queuedir import Enqueuer, QueueTrouble, Staged, Submission

BATCH_MAX = 256
WAITING_MAX = 4 << 20  # octets of one connection not on disk yet
QP_FIRST = 1 << 22  # the largest process id there is; numbers of connections that carry many messages begin above
_SPILL = 1 << 18  # a message larger than this is written as it comes


@dataclass(slots=True, eq=False)
class Message:
    """One message under way. The loop's thread fills parts; the committer's thread has the rest."""

    connection: Connection
    stream: int
    parts: list[bytes] = field(default_factory=list)
    size_bytes: int = 0
    envelope: bytes = b""
    qp: int = 0
    staged: Staged | None = None
    submission: Submission | None = None
    exit: int = 0


APPEND, COMMIT, FORGET = range(3)
Job = tuple[int, Message, list[bytes]]


class Committer(threading.Thread):
    """The one thread that touches the disk. Takes all that waits, and has it queued in one go."""

    def __init__(self, enqueuer: Enqueuer, how: Invoker, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(name="committer", daemon=True)
        self.jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._enqueuer = enqueuer
        self._how = how
        self._loop = loop

    def run(self) -> None:
        while (job := self.jobs.get()) is not None:
            batch = [job]
            while len(batch) < BATCH_MAX and not self.jobs.empty():
                further = self.jobs.get()
                if further is None:
                    self.jobs.put(None)
                    break
                batch.append(further)
            self._work(batch)

    def _work(self, batch: list[Job]) -> None:
        now_s = clock.now_s()
        finished = []
        for kind, message, parts in batch:
            if kind == FORGET:
                self._forget(message)
                continue
            self._append(message, parts, now_s)
            if kind == COMMIT:
                self._prepare(message)
                finished.append(message)
        self._enqueuer.commit([m.submission for m in finished if m.submission is not None], now_s)
        for message in finished:
            if message.submission is not None:
                message.exit = message.submission.failed
        self._loop.call_soon_threadsafe(_tell, [(m, parts) for _, m, parts in batch], finished)

    def _append(self, message: Message, parts: list[bytes], now_s: int) -> None:
        if message.exit:
            return
        try:
            if message.staged is None:
                message.staged = self._enqueuer.stage(now_s)
                line = received.queue_line(message.qp, self._how.text(message.connection.uid), now_s)
                parts = [line, *parts]
            if parts:
                self._enqueuer.write(message.staged, parts)
        except QueueTrouble as trouble:
            message.exit = trouble.exit

    def _prepare(self, message: Message) -> None:
        """Envelope and all: ready for the batch, or failed."""
        if not message.exit:
            try:
                sender, recipients = envelope.read(message.envelope)
            except envelope.EnvelopeError as error:
                message.exit = error.exit
        if message.exit:
            self._forget(message)
            return
        assert message.staged is not None
        record = todo.write(todo.Todo(message.connection.uid, message.qp, sender, recipients))
        message.submission = Submission(message.staged, record)

    def _forget(self, message: Message) -> None:
        if message.staged is not None:
            self._enqueuer.discard(message.staged)
            message.staged = None


def _tell(taken: list[tuple[Message, list[bytes]]], finished: list[Message]) -> None:
    """Back in the loop's thread: room for more input, and answers."""
    for message, parts in taken:
        message.connection.taken(sum(map(len, parts)))
    for message in finished:
        messnum = message.submission.message.messnum if message.submission is not None else 0
        message.connection.answer(message, messnum)


class Invoker:
    """How a message came in, for its Received line: told from the caller's uid."""

    def __init__(self, who: accounts.Accounts) -> None:
        self._by_uid: dict[int, bytes] = {}
        if not who.is_single:
            self._by_uid = {who["alias"].uid: b"by alias", who["qmaild"].uid: b"from network", who["qmails"].uid: b"for bounce"}

    def text(self, uid: int) -> bytes:
        return self._by_uid.get(uid, b"by uid %d" % uid)


class Connection(asyncio.Protocol):
    """One caller."""

    transport: asyncio.Transport

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._buffer = bytearray()
        self._messages: dict[int, Message] = {}
        self._waiting = 0
        self.uid = -1
        self.pid = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        sock = transport.get_extra_info("socket")
        credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        self.pid, self.uid = int.from_bytes(credentials[:4], "little"), int.from_bytes(credentials[4:8], "little")
        self._writer.connections.add(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            frames, used = queue_call.read_frames(self._buffer)
        except ValueError:
            self.transport.abort()
            return
        del self._buffer[:used]
        for stream, kind, payload in frames:
            self._frame(stream, kind, payload)

    def _frame(self, stream: int, kind: bytes, payload: bytes) -> None:
        message = self._messages.get(stream)
        if message is None:
            message = self._messages[stream] = Message(self, stream, qp=self.pid if stream == 0 else self._writer.next_qp())
        if kind == queue_call.MESSAGE:
            message.parts.append(payload)
            message.size_bytes += len(payload)
            if message.size_bytes >= _SPILL:
                self._pass_on(APPEND, message)
        elif kind == queue_call.ENVELOPE:
            message.envelope = payload
            del self._messages[stream]
            self._pass_on(COMMIT, message)
        else:
            del self._messages[stream]
            self._pass_on(FORGET, message)

    def _pass_on(self, kind: int, message: Message) -> None:
        parts, message.parts, message.size_bytes = message.parts, [], 0
        self._waiting += sum(map(len, parts))
        if self._waiting > WAITING_MAX:
            self.transport.pause_reading()
        self._writer.committer.jobs.put((kind, message, parts))

    def taken(self, size_bytes: int) -> None:
        was_full = self._waiting > WAITING_MAX
        self._waiting -= size_bytes
        if was_full and self._waiting <= WAITING_MAX and not self.transport.is_closing():
            self.transport.resume_reading()

    def answer(self, message: Message, messnum: int) -> None:
        if not self.transport.is_closing():
            self.transport.write(queue_call.result(message.stream, message.exit, messnum, message.qp))

    def connection_lost(self, exc: Exception | None) -> None:
        self._writer.connections.discard(self)
        for message in self._messages.values():
            self._writer.committer.jobs.put((FORGET, message, []))
        self._messages.clear()


class Writer:
    """What all connections share."""

    def __init__(self, committer: Committer) -> None:
        self.committer = committer
        self.connections: set[Connection] = set()
        self._qp = QP_FIRST + clock.now_s() % (1 << 20) * 64  # so that numbers do not repeat soon after a restart

    def next_qp(self) -> int:
        self._qp += 1
        return self._qp


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    home = env[b"QMAIL_HOME"]
    who = accounts.load(home)
    me = who["qmailq"]
    sock = ask.listen(
        os.path.join(home, queue_call.SOCKET), mode=0o666, owner=(me.uid, me.gid) if os.geteuid() == 0 else None, backlog=1024
    )
    accounts.become(me)
    os.umask(0o033)
    os.chdir(os.path.join(home, b"queue"))
    enqueuer = Enqueuer(b".", pid=os.getpid())
    check_inodes(enqueuer)
    fds.say(b"queue-writer: status: ready\n")
    asyncio.run(_serve(sock, enqueuer, Invoker(who)))
    return 0


def check_inodes(enqueuer: Enqueuer) -> None:
    """A message's number is its inode: that must be the same under every name. Raises Temporary on a file system where it is not."""
    try:
        staged = enqueuer.stage(clock.now_s())
        path = b"pid/check.%d" % staged.messnum
        enqueuer.name(staged, path)
        is_same = os.stat(path).st_ino == staged.messnum
        os.unlink(path)
        enqueuer.discard(staged)
    except (QueueTrouble, OSError) as error:
        raise Temporary("unable to make a file in queue/", str(error)) from error
    if not is_same:
        raise Temporary("the file system of queue/ gives one file different inode numbers: move the queue to a local ext4, xfs or btrfs")


async def _serve(sock: socket.socket, enqueuer: Enqueuer, how: Invoker) -> None:
    loop = asyncio.get_running_loop()
    committer = Committer(enqueuer, how, loop)
    committer.start()
    writer = Writer(committer)
    server = await loop.create_unix_server(lambda: Connection(writer), sock=sock)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    server.close()
    committer.jobs.put(None)
    await loop.run_in_executor(None, committer.join)
    await asyncio.sleep(0)  # let the last answers out
