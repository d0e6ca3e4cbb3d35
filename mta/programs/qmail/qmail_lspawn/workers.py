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
_INPUT = 1 << 18  # more than a packet of a worker of ours can be

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
        self._unsent: set[_Worker] = set()

    def send(self, uid: int, gid: int, job: Job, fd: int) -> bool:
        """fd: the message, taken over; the job goes out with the next flush(). False: there is no worker for this one, and fd still
        belongs to the caller. Raises OSError when none can be started."""
        data = local_job.write_job(job)
        if len(data) > local_job.PACKET_MAX:
            return False
        worker = self._by_rights.get((uid, gid))
        if worker is None:
            if len(self._by_rights) >= WORKERS_MAX:
                return False
            worker = self._by_rights[uid, gid] = _Worker(self, uid, gid)
        worker.add(job.number, data, fd)
        self._unsent.add(worker)
        return True

    def flush(self) -> None:
        """Hand over the jobs that came since the last time."""
        for worker in self._unsent:
            worker.send()
        self._unsent.clear()

    def forget(self, worker: _Worker) -> None:
        self._by_rights = {rights: other for rights, other in self._by_rights.items() if other is not worker}
        self._unsent.discard(worker)

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
        self._is_full = False  # the socket takes no more now
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

    def add(self, number: int, data: bytes, fd: int) -> None:
        self.jobs.add(number)
        self._queue.append((data, fd))

    def send(self) -> None:
        """As much of the queue as the socket takes."""
        while self._queue:
            count = self._packet()
            jobs = [self._queue[i] for i in range(count)]
            try:
                packets.send(self._sock, local_job.write_jobs(data for data, _ in jobs), [fd for _, fd in jobs])
            except OSError:  # no room now; or it is dead, and its end of the socket says so, too
                break
            for _, fd in jobs:
                os.close(fd)
                self._queue.popleft()
        self._watch(is_full=bool(self._queue))

    def _packet(self) -> int:
        """How many jobs of the queue go into the next packet."""
        size = -1
        for count, (data, _) in enumerate(self._queue):
            size += len(data) + 1
            if count == local_job.JOBS_MAX or size > local_job.PACKET_MAX:
                return count
        return len(self._queue)

    def _watch(self, *, is_full: bool) -> None:
        if is_full != self._is_full and self._sock.fileno() >= 0:
            self._is_full = is_full
            self._workers.selector.modify(self._sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if is_full else 0), self._ready)

    def _ready(self) -> None:
        try:
            data = self._sock.recv(_INPUT)
        except BlockingIOError:
            data = None
        except OSError:
            data = b""
        if data is not None and (not data or not self._take(data)):
            self.end()
        elif self._queue:
            self.send()

    def _take(self, packet: bytes) -> bool:
        """False: no worker of ours says that."""
        try:
            reports = local_job.read_reports(packet)
        except ValueError:
            return False
        self.idle_since = time.monotonic()
        for report in reports:
            if report.number not in self.jobs:
                return False
            self.jobs.discard(report.number)
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
