"""The loop of queue-writer: read from callers, write what they bring, have it made to last, tell them.

While a batch is on its way to disk the next one is read; when that is as large as a batch may be, its callers wait in their sockets.
"""

from __future__ import annotations

import select
import signal
import socket
import time

from mta.decisions.gather import Gather
from mta.programs.servers.queue_writer.batch import Committer
from mta.programs.servers.queue_writer.callers import Broken, Caller, Invoker, Message, Shop
from mta.programs.servers.queue_writer.extra import Extra
from mta.unix import clock
from mta.unix.queuedir import Enqueuer
from mta.unix.signals import Wakeup

BATCH_MAX = 256
_ACCEPT_AGAIN_S = 1.0  # after the kernel had no descriptor for a new caller
_IN, _OUT = select.EPOLLIN, select.EPOLLOUT


class Writer:
    """turn() by turn(). sock: listens for callers."""

    def __init__(self, sock: socket.socket, enqueuer: Enqueuer, how: Invoker, extra: Extra) -> None:
        self._sock = sock
        self._shop = Shop(enqueuer, how, extra, clock.now_s())
        self._committer = Committer(enqueuer)
        self._gather = Gather()
        self._callers: dict[int, Caller] = {}
        self._first_at = 0.0  # when the first message of the batch was whole
        self._accept_at: float | None = None
        self._stop = Wakeup((signal.SIGTERM, signal.SIGINT))
        self._epoll = select.epoll()
        self._epoll.register(self._stop.fd, _IN)
        self._epoll.register(self._committer.fd, _IN)
        sock.setblocking(False)
        self._epoll.register(sock, _IN)

    def turn(self) -> bool:
        """Wait for something, deal with it. False: told to stop, and all that was whole is queued."""
        if self._committer.is_busy and len(self._shop.done) >= BATCH_MAX:
            self._go_on()
        events = self._epoll.poll(self._timeout_s())
        self._shop.now_s = clock.now_s()
        is_stopping = False
        for fd, event in events:
            caller = self._callers.get(fd)
            if caller is not None:
                self._serve(caller, event)
            elif fd == self._committer.fd:
                self._go_on()
            elif fd == self._sock.fileno():
                self._accept()
            elif fd == self._stop.fd:
                is_stopping = True
        self._accept_again()
        if self._shop.done and not self._committer.is_busy and self._is_time():
            self._commit()
        if is_stopping:
            self._finish()
        return not is_stopping

    def _timeout_s(self) -> float | None:
        if self._shop.done and not self._committer.is_busy:
            return self._gather.wait_s(len(self._shop.done), time.monotonic() - self._first_at)
        return _ACCEPT_AGAIN_S if self._accept_at is not None else None

    def close(self) -> None:
        """After the last turn. Whoever is still connected hears the end."""
        for caller in list(self._callers.values()):
            self._drop(caller)
        self._committer.close()
        self._epoll.close()
        self._stop.close()

    # callers

    def _accept(self) -> None:
        try:
            sock, _ = self._sock.accept()
        except BlockingIOError:
            return
        except OSError:  # no descriptor left: those who are here already go first
            self._epoll.unregister(self._sock)
            self._accept_at = time.monotonic() + _ACCEPT_AGAIN_S
            return
        sock.setblocking(False)
        self._callers[sock.fileno()] = Caller(sock, self._shop)
        self._epoll.register(sock, _IN)

    def _accept_again(self) -> None:
        if self._accept_at is not None and time.monotonic() >= self._accept_at:
            self._accept_at = None
            self._epoll.register(self._sock, _IN)

    def _serve(self, caller: Caller, event: int) -> None:
        is_first = not self._shop.done
        try:
            if event & ~_OUT:
                caller.read()
            if event & _OUT:
                caller.write()
                self._watch(caller)
        except Broken:
            self._drop(caller)
        if is_first and self._shop.done:
            self._first_at = time.monotonic()

    def _watch(self, caller: Caller) -> None:
        self._epoll.modify(caller.sock, (0 if caller.is_deaf else _IN) | (_OUT if caller.has_unsent else 0))

    def _drop(self, caller: Caller) -> None:
        del self._callers[caller.sock.fileno()]
        self._epoll.unregister(caller.sock)
        caller.close()

    # batches

    def _is_time(self) -> bool:
        count = len(self._shop.done)
        return count >= BATCH_MAX or not self._gather.wait_s(count, time.monotonic() - self._first_at)

    def _commit(self) -> None:
        batch, self._shop.done = self._shop.done, []
        if self._committer.begin(batch, self._shop.now_s):
            self._tell()

    def _go_on(self) -> None:
        if self._committer.go_on():
            self._tell()

    def _finish(self) -> None:
        """All that was whole when we were told to stop."""
        while self._committer.is_busy or self._shop.done:
            if self._committer.is_busy:
                self._go_on()
            else:
                self._commit()

    def _tell(self) -> None:
        batch = self._committer.messages
        self._gather.ended(len(batch), self._committer.took_s())
        for caller in self._answer(batch):
            try:
                caller.write()
            except Broken:
                self._drop(caller)
                continue
            if caller.has_unsent:
                self._watch(caller)

    def _answer(self, batch: list[Message]) -> set[Caller]:
        """-> whom there is something to be told."""
        callers = set()
        for message in batch:
            if message.submission is not None:
                message.exit = message.submission.failed
            if message.caller.sock.fileno() >= 0:
                message.caller.answer(message)
                callers.add(message.caller)
        return callers
