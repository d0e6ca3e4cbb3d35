"""The living workers: one for each uid and gid that had mail lately.

Nothing here waits for a worker: what its socket does not take at once waits in its queue. A worker may only report what it was given, for
it runs with a user's rights. It ends when its socket is closed: after IDLE_S without a job, or when it said what no worker of ours says.
"""

from __future__ import annotations

import os
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import NoReturn

from mta.formats import local_job
from mta.formats.local_job import Job
from mta.unix import packets, warm

WORKERS_MAX = 64
IDLE_S = 60.0
_REPORT_MAX = local_job.REPORT_MAX + 64

Body = Callable[[int, int], int]  # (uid, gid): what a worker does, in its process -> exit code
Done = Callable[[int, int, bytes], None]  # (number, exit code, output)
Crashed = Callable[[int], None]  # (number)


class Workers:
    """selector: whose keys' data are functions without arguments, to be called when the descriptor is ready."""

    def __init__(self, selector: selectors.BaseSelector, body: Body, done: Done, crashed: Crashed) -> None:
        self.selector = selector
        self.body = body
        self.done = done
        self.crashed = crashed
        self._by_rights: dict[tuple[int, int], _Worker] = {}

    def send(self, uid: int, gid: int, job: Job, fd: int) -> bool:
        """fd: the message, taken over. False: there is no worker for this one, and fd still belongs to the caller. Raises OSError when
        none can be started."""
        packet = local_job.write_job(job)
        if len(packet) > local_job.JOB_MAX:
            return False
        worker = self._by_rights.get((uid, gid))
        if worker is None:
            if len(self._by_rights) >= WORKERS_MAX:
                return False
            worker = self._by_rights[uid, gid] = _Worker(self, uid, gid)
        worker.send(job.number, packet, fd)
        return True

    def forget(self, worker: _Worker) -> None:
        self._by_rights = {rights: other for rights, other in self._by_rights.items() if other is not worker}

    def end_idle(self) -> float | None:
        """End workers that had nothing to do for IDLE_S -> seconds until the next one will have had; None: all are at work."""
        now = time.monotonic()
        left = None
        for worker in list(self._by_rights.values()):
            if worker.jobs:
                continue
            rest = worker.idle_since + IDLE_S - now
            if rest <= 0:
                worker.end()
            else:
                left = rest if left is None else min(left, rest)
        return left

    def close(self) -> None:
        for worker in list(self._by_rights.values()):
            worker.end()


class _Worker:
    def __init__(self, workers: Workers, uid: int, gid: int) -> None:
        self._workers = workers
        self.jobs: set[int] = set()
        self.idle_since = time.monotonic()
        self._queue: deque[tuple[bytes, int]] = deque()
        self._sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._pid = os.fork()
        except OSError:
            self._sock.close()
            theirs.close()
            raise
        if self._pid == 0:
            _be(workers.body, theirs.fileno(), uid, gid)
        theirs.close()
        self._sock.setblocking(False)
        workers.selector.register(self._sock, selectors.EVENT_READ, self._ready)
        self._pidfd = os.pidfd_open(self._pid)
        workers.selector.register(self._pidfd, selectors.EVENT_READ, self._died)

    def send(self, number: int, packet: bytes, fd: int) -> None:
        self.jobs.add(number)
        self._queue.append((packet, fd))
        self._send()

    def _send(self) -> None:
        while self._queue:
            packet, fd = self._queue[0]
            try:
                packets.send(self._sock, packet, fd)
            except BlockingIOError:
                break
            except OSError:  # it is dead: its end of the socket says so, too
                break
            self._queue.popleft()
            os.close(fd)
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._queue else 0)
        self._workers.selector.modify(self._sock, events, self._ready)

    def _ready(self) -> None:
        while True:
            try:
                data = self._sock.recv(_REPORT_MAX)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data or not self._take(data):
                self.end()
                return
        if self._queue:
            self._send()

    def _take(self, data: bytes) -> bool:
        """False: no worker of ours says that."""
        try:
            report = local_job.read_report(data)
        except ValueError:
            return False
        if report.number not in self.jobs:
            return False
        self.jobs.discard(report.number)
        self.idle_since = time.monotonic()
        self._workers.done(report.number, report.exit, report.output)
        return True

    def end(self) -> None:
        """Close the socket. Jobs that are not reported never will be."""
        self._workers.forget(self)
        self._workers.selector.unregister(self._sock)
        self._sock.close()
        for _, fd in self._queue:
            os.close(fd)
        self._queue.clear()
        jobs, self.jobs = self.jobs, set()
        for number in sorted(jobs):
            self._workers.crashed(number)

    def _died(self) -> None:
        """Its process is gone. The socket tells the rest, after the last report."""
        os.waitpid(self._pid, 0)
        self._workers.selector.unregister(self._pidfd)
        os.close(self._pidfd)


def _be(body: Body, sock: int, uid: int, gid: int) -> NoReturn:
    """In the fork. Whatever goes wrong, it never goes on as a second parent."""
    code = 111
    try:
        warm.rewire({0: sock, 1: os.open(b"/dev/null", os.O_WRONLY)})
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        code = body(uid, gid)
    finally:
        os._exit(code)
