"""The callers of queue-writer: what each has sent so far, and the answers it has not taken yet.

A message is on its way to disk from its first frame on when it is large, else from its envelope on. Nothing is queued without an envelope.
"""

from __future__ import annotations

import socket

from mta.formats import envelope, queue_call, received, todo
from mta.programs.servers.queue_writer.extra import Extra
from mta.unix import accounts
from mta.unix.queuedir import Enqueuer, QueueTrouble, Staged, Submission

QP_FIRST = 1 << 22  # the largest process id there is; numbers of connections that carry many messages begin above
STREAMS_MAX = 4096
_WAITING_MAX = 4 << 20  # octets of one caller's unfinished messages in memory
_SPILL = 1 << 18  # a message larger than this is written as it comes
_INPUT = 1 << 18  # more than a socket holds: what a caller left when it died is read in one turn, before later ones are answered
_UNREAD_MAX = 1 << 16  # octets of answers from which a caller is not heard until it has listened


class Invoker:
    """How a message came in, for its Received line: told from the caller's uid."""

    def __init__(self, who: accounts.Accounts) -> None:
        self._by_uid: dict[int, bytes] = {}
        if not who.is_single:
            self._by_uid = {who["alias"].uid: b"by alias", who["qmaild"].uid: b"from network", who["qmails"].uid: b"for bounce"}

    def text(self, uid: int) -> bytes:
        return self._by_uid.get(uid, b"by uid %d" % uid)


class Message:
    """One message under way. parts: what is not in its file yet. exit: qmail-queue's code once something went wrong."""

    __slots__ = ("caller", "exit", "parts", "qp", "size_bytes", "staged", "stream", "submission")

    def __init__(self, caller: Caller, stream: int, qp: int) -> None:
        self.caller = caller
        self.stream = stream
        self.qp = qp
        self.parts: list[bytes] = []
        self.size_bytes = 0
        self.staged: Staged | None = None
        self.submission: Submission | None = None
        self.exit = 0


class Broken(Exception):
    """A caller that is gone, or says what none of ours would."""


class Shop:
    """What all callers share: the way to disk, the numbers, the time of this turn. done: messages that are whole, in order."""

    def __init__(self, enqueuer: Enqueuer, how: Invoker, extra: Extra, now_s: int) -> None:
        self.enqueuer = enqueuer
        self.how = how
        self.extra = extra
        self.now_s = now_s
        self.done: list[Message] = []
        self._qp = QP_FIRST + now_s % (1 << 20) * 64  # so that numbers do not repeat soon after a restart

    def next_qp(self) -> int:
        self._qp += 1
        return self._qp

    def store(self, message: Message) -> None:
        """Its parts go to its file; the first ones behind our line."""
        parts, message.parts = message.parts, []
        message.caller.waiting -= message.size_bytes
        message.size_bytes = 0
        if message.exit:
            return
        try:
            if message.staged is None:
                message.staged = self.enqueuer.stage(self.now_s)
                parts.insert(0, received.queue_line(message.qp, self.how.text(message.caller.uid), self.now_s))
            if parts:
                self.enqueuer.write(message.staged, parts)
        except QueueTrouble as trouble:
            message.exit = trouble.exit

    def finish(self, message: Message, envelope_: bytes) -> None:
        """The envelope is there: ready for the barrier, or failed."""
        self.store(message)
        if not message.exit:
            try:
                sender, recipients = envelope.read(envelope_)
            except envelope.EnvelopeError as error:
                message.exit = error.exit
        if message.exit:
            self.forget(message)
        else:
            assert message.staged is not None
            record = todo.write(todo.Todo(message.caller.uid, message.qp, sender, recipients), self.extra.records(self.now_s))
            message.submission = Submission(message.staged, record)
            self.enqueuer.prepare(message.submission, self.now_s)
        self.done.append(message)

    def forget(self, message: Message) -> None:
        message.caller.waiting -= message.size_bytes
        message.parts, message.size_bytes = [], 0
        if message.staged is not None:
            self.enqueuer.discard(message.staged)
            message.staged = None


class Caller:
    """One connection."""

    def __init__(self, sock: socket.socket, shop: Shop) -> None:
        self.sock = sock
        self.waiting = 0
        credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        self.pid, self.uid = int.from_bytes(credentials[:4], "little"), int.from_bytes(credentials[4:8], "little")
        self._shop = shop
        self._buffer = b""
        self._messages: dict[int, Message] = {}
        self._answers: list[bytes] = []
        self._unsent = b""

    @property
    def has_unsent(self) -> bool:
        return bool(self._unsent)

    @property
    def is_deaf(self) -> bool:
        return len(self._unsent) > _UNREAD_MAX

    def read(self) -> None:
        """What has come in. Raises Broken at its end."""
        try:
            data = self.sock.recv(_INPUT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            raise Broken
        buffer = self._buffer + data if self._buffer else data
        try:
            frames, used = queue_call.read_frames(buffer)
        except ValueError:
            raise Broken from None
        self._buffer = buffer[used:]
        for stream, kind, payload in frames:
            self._frame(stream, kind, payload)

    def _frame(self, stream: int, kind: bytes, payload: bytes) -> None:
        message = self._messages.get(stream)
        if message is None:
            if len(self._messages) >= STREAMS_MAX:
                raise Broken
            message = self._messages[stream] = Message(self, stream, self.pid if stream == 0 else self._shop.next_qp())
        if kind == queue_call.MESSAGE:
            message.parts.append(payload)
            message.size_bytes += len(payload)
            self.waiting += len(payload)
            if message.size_bytes >= _SPILL or self.waiting > _WAITING_MAX:
                self._shop.store(message)
        elif kind == queue_call.ENVELOPE:
            del self._messages[stream]
            self._shop.finish(message, payload)
        else:
            del self._messages[stream]
            self._shop.forget(message)

    def answer(self, message: Message) -> None:
        messnum = message.submission.message.messnum if message.submission is not None else 0
        self._answers.append(queue_call.result(message.stream, message.exit, messnum, message.qp))

    def write(self) -> None:
        """Send the answers, as far as they are taken. Raises Broken: a caller that has not heard an answer must hear the end."""
        self._unsent += b"".join(self._answers)
        self._answers.clear()
        try:
            self._unsent = self._unsent[self.sock.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            raise Broken from None

    def close(self) -> None:
        """What it left unfinished is forgotten."""
        for message in self._messages.values():
            self._shop.forget(message)
        self._messages.clear()
        self.sock.close()
