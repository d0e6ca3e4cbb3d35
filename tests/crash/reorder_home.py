"""The instance that reordering is tried on: one user, in memory, so that thousands of its disks can be laid out and started on.

    with Programs(home, log): ...     # queue writer and qmail-send with its helpers, forks of this process; all of them die at the end
Letters   one of everything that happens to mail, by number
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from pathlib import Path

from mta import runner
from mta.formats.queue_call import SOCKET as WRITER
from mta.programs.qmail.qmail_send.orders import SOCKET as ORDERS
from mta.unix import warm
from mta.unix.fds import Fds
from mta.unix.queuedir import SPLIT
from tests.crash.faults_plane import DOMAIN
from tests.crash.ledger import BOUNCE, Letter

ANN, JOE, SUE, FAR, LOSS = (f"{name}@{DOMAIN}".encode() for name in ("ann", "joe", "sue", "to-far", "sure-loss"))
FRIEND, GONE, LATER = b"friend@far.example", b"gone@far.example", b"later@far.example"
_FOLDERS = [b"todo", *(b"info/%d" % i for i in range(SPLIT))]
_PR_SET_CHILD_SUBREAPER = 36
_PROGRAMS = ("queue-writer", "qmail-start", "qmail-send", "qmail-lspawn", "qmail-rspawn", "qmail-clean", "qmail-local")


def _letter(number: int, recipients: tuple[bytes, ...], size_bytes: int = 600) -> Letter:
    ends = {FAR: FRIEND, LOSS: BOUNCE + LOSS, GONE: BOUNCE + GONE}
    return Letter(number, ANN, recipients, tuple((ends.get(r, r),) for r in recipients), size_bytes)


LETTERS = {
    1: _letter(1, (JOE,)),  # delivered straight from todo/
    2: _letter(2, (JOE, SUE)),  # preprocessed, marked
    3: _letter(3, (FRIEND,), 1500),  # far away, straight from todo/
    4: _letter(4, (FAR,)),  # forwarded
    5: _letter(5, (LOSS,)),  # failed here, and told of
    6: _letter(6, (JOE, GONE, LOSS)),  # failed twice, and told of once
    7: _letter(7, (SUE, LATER)),  # deferred, and tried again
    8: _letter(8, (JOE, SUE, FRIEND), 70_000),  # too large for one write
    **{n: _letter(n, (JOE,)) for n in range(9, 15)},
    15: _letter(15, (SUE, FAR)),
    16: _letter(16, (JOE, LOSS)),
}
TOGETHER = tuple(range(9, 17))  # queued at one time, with one barrier


def is_empty(home: bytes) -> bool:
    """Looked at twice: a bounce comes into todo/ after that was found empty, before its reason leaves info/."""
    folders = [os.path.join(home, b"queue", folder) for folder in _FOLDERS * 2]
    return not any(name.isdigit() for folder in folders for name in os.listdir(folder))


class Programs:
    """home: prepared. log: what they say. Nothing may be left of an earlier life."""

    def __init__(self, home: bytes, log: Path) -> None:
        self._home = home
        self._log = log
        self.group = 0
        self.sender = 0

    def __enter__(self) -> Programs:
        for path in (WRITER, ORDERS):
            try:
                os.unlink(os.path.join(self._home, path))
            except FileNotFoundError:
                continue
        self._fork("queue-writer")
        self.sender = self._fork("qmail-start", b"./Maildir/")
        self._until(lambda: all(os.path.exists(os.path.join(self._home, path)) for path in (WRITER, ORDERS)))
        return self

    def __exit__(self, *_: object) -> None:
        """All at once, and none is left."""
        while True:
            try:
                os.killpg(self.group, signal.SIGKILL)
                os.waitpid(-self.group, 0)
            except ChildProcessError:  # not ours to wait for, and not gone yet
                time.sleep(0.001)
            except ProcessLookupError:
                return

    def _fork(self, name: str, *argv: bytes) -> int:
        pid = os.fork()
        if pid == 0:
            try:
                os.setpgid(0, self.group)
                fd = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
                warm.rewire({0: os.open("/dev/null", os.O_RDONLY), 1: fd, 2: fd})
                env = {b"QMAIL_HOME": self._home, b"PATH": self._home + b"/bin:/usr/bin:/bin"}
                os._exit(runner.call(name, list(argv), env, Fds()))
            finally:
                os._exit(99)
        self.group = self.group or pid
        try:
            os.setpgid(pid, self.group)
        except (PermissionError, ProcessLookupError):  # it has done so itself, or is gone
            pass
        return pid

    @staticmethod
    def _until(is_so: object) -> None:
        deadline = time.monotonic() + 20
        while not is_so():  # type: ignore[operator]
            assert time.monotonic() < deadline, "the programs do not start"
            time.sleep(0.001)

    def work_off(self, patience_s: float) -> bool:
        """Until the queue is empty; what was deferred is tried again at once. False: it never is."""
        deadline = time.monotonic() + patience_s
        turn = 0
        while not is_empty(self._home):
            if time.monotonic() > deadline:
                return False
            turn += 1
            if turn % 25 == 0:
                os.kill(self.sender, signal.SIGALRM)
            time.sleep(0.002)
        return True


def load() -> None:
    """What the forks would have to load; and orphans of ours become our children, so that they can be waited for."""
    for name in _PROGRAMS:
        runner.load(name)
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
