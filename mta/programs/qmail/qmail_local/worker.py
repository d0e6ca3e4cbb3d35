"""The living worker: qmail-local for one user, who stays, and takes many messages.

Jobs     come from qmail-lspawn on descriptor 0, a socket (formats/local_job), each with its message. All that wait are one batch: their
         Maildir deliveries share one barrier; forwards go to the queue writer over one connection; what a batch cannot do (inprocess)
         is done by a fork of the worker, which nobody waits for.
Reports  go back on the same socket as deliveries end, in any order
Ends     when the socket does, after everything under way
Rights   those of the user, given up for by qmail-lspawn before it calls; no working directory is needed or changed
Crash    qmail-lspawn reports all jobs as crashed; they come again, and what was delivered is found by its name
Source   DESIGN 5
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
from collections import deque
from functools import partial

from mta import runner
from mta.errors import MailError, Temporary
from mta.formats import local_job
from mta.formats.error_str import error_str
from mta.formats.local_job import Job, Report
from mta.programs.qmail.qmail_local.inprocess import NeedsProcess, Preparer, Work
from mta.unix import forward, mess, packets
from mta.unix.child import Children
from mta.unix.disk import REAL, Disk
from mta.unix.fds import Fds
from mta.unix.queue_line import QueueLine
from mta.unix.settle import settle

BATCH_MAX = 128  # jobs: the more, the fewer barriers a message
STAGED_MAX = 192  # deliveries: each has three descriptors open


def serve(env: dict[bytes, bytes], fds: Fds) -> int:
    os.umask(0o077)
    with socket.socket(fileno=os.dup(fds[0])) as sock:
        worker = Worker(sock, env)
        settle()
        while worker.turn():
            pass
    return 0


class Worker:
    """turn() by turn()."""

    def __init__(self, sock: socket.socket, env: dict[bytes, bytes], disk: Disk = REAL) -> None:
        self._sock = sock
        self._env = env
        self._selector = selectors.DefaultSelector()
        self._children = Children(self._selector, local_job.REPORT_MAX)
        self._line = QueueLine(env[b"QMAIL_HOME"], self._selector)
        self._preparer = Preparer(env, self._line, disk)
        self._waiting: deque[tuple[Job, int]] = deque()
        self._reports: list[bytes] = []
        self._has_input = True
        self._selector.register(sock, selectors.EVENT_READ, self._receive)

    def turn(self, timeout_s: float | None = None) -> bool:
        """Wait for something, deal with it. False: all is done and nothing will come any more."""
        for key, _ in self._selector.select(0 if self._waiting else timeout_s):
            key.data()
        if self._waiting:
            self._deliver()
        self._flush()
        if self._has_input or self._waiting or self._children.running or self._line.running:
            return True
        self._line.close()
        self._selector.close()
        return False

    def _receive(self) -> None:
        """All jobs that wait, as many as make a batch."""
        while len(self._waiting) < BATCH_MAX:
            try:
                data, fds = packets.receive(self._sock, local_job.PACKET_MAX, local_job.JOBS_MAX)
            except BlockingIOError:
                return
            except OSError:
                data, fds = b"", []
            if not data:
                self._has_input = False
                self._selector.unregister(self._sock)
                return
            jobs = local_job.read_jobs(data)
            self._waiting.extend(zip(jobs, fds, strict=False))
            for job in jobs[len(fds) :]:  # the kernel had no descriptor left for them
                self._report(job.number, Temporary.exit, b"Unable to open message: %b. (#4.3.0)\n" % error_str(errno.EMFILE).encode())

    def _deliver(self) -> None:
        works: list[Work] = []
        staged = 0
        while self._waiting and len(works) < BATCH_MAX and staged < STAGED_MAX:
            job, fd = self._waiting.popleft()
            try:
                works.append(self._preparer.prepare(job, fd))
                staged += len(works[-1].deliveries)
            except NeedsProcess:
                self._fork(job, fd)
        self._preparer.commit(works)
        for work in works:
            failure = work.outcome()
            if failure is None and work.forwards:
                self._forward(work, 0, None, 0)
            else:
                self._finish(work, failure)

    def _forward(self, work: Work, at: int, failure: MailError | None, qp: int) -> None:
        """One after the other: called again with what became of the one before."""
        if failure is not None:
            self._finish(work, forward.failed(failure))
        elif at == len(work.forwards):
            self._finish(work, None, qp)
        else:
            one = work.forwards[at]
            try:
                self._line.send((one.head, *mess.pieces(work.source)), one.sender, one.recipients, partial(self._forward, work, at + 1))
            except MailError as error:
                self._finish(work, error)

    def _finish(self, work: Work, failure: MailError | None, qp: int = 0) -> None:
        os.close(work.fd)
        if failure is not None:
            self._report(work.job.number, failure.exit, failure.text.encode("latin-1", "replace") + b"\n")
        else:
            own = b"qp %d\n" % qp if work.counts.forwards else b""
            self._report(work.job.number, 0, work.counts.did() + own)

    def _fork(self, job: Job, fd: int) -> None:
        argv = [b"--", *job.address.argv()]
        try:
            self._children.start(partial(runner.call, "qmail-local", argv, self._env, Fds()), fd, partial(self._report, job.number))
        except OSError as error:
            self._report(job.number, Temporary.exit, b"Unable to fork: %b. (#4.3.0)\n" % error_str(error.errno).encode())
        os.close(fd)

    def _report(self, number: int, exit_: int, output: bytes) -> None:
        self._reports.append(local_job.write_report(Report(number, exit_, output)))

    def _flush(self) -> None:
        """The reports of this turn, in as few packets as will do."""
        at = 0
        while at < len(self._reports):
            packet = self._reports[at]
            at += 1
            while at < len(self._reports) and len(packet) + len(self._reports[at]) <= local_job.PACKET_MAX:
                packet += self._reports[at]
                at += 1
            try:
                self._sock.send(packet)
            except OSError:  # nobody listens any more: the messages will come again, and be found
                break
        self._reports.clear()
