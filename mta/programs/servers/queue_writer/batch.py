"""One batch of messages on its way to disk, and the thread that waits for the disk meanwhile.

Nearly all of a batch's time is spent in two calls, the barriers (unix/queuedir). They run in the thread, and the loop reads and writes what
the next batch will hold. The thread does nothing else, so that the two meet at the interpreter twice a batch, and not at every file.
A batch that needs no more than a few fsyncs is not worth the hand-over: the loop makes those itself (docs/decisions/0014).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from mta.programs.servers.queue_writer.callers import Message
from mta.unix.queuedir import SYNCFS_FROM, Enqueuer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mta.unix.queuedir import Steps


class Committer:
    """begin() a batch; whenever fd is readable, go_on(). Both return True when it has come to its end: then it is in messages, each
    submission with its outcome."""

    def __init__(self, enqueuer: Enqueuer) -> None:
        self._enqueuer = enqueuer
        self._barriers = _Barriers()
        self._steps: Steps | None = None
        self._is_small = False
        self._begun_s = 0.0
        self.fd = self._barriers.fd
        self.messages: list[Message] = []

    @property
    def is_busy(self) -> bool:
        return self._steps is not None

    def begin(self, messages: list[Message], now_s: int) -> bool:
        self.messages = messages
        self._begun_s = time.monotonic()
        submissions = [m.submission for m in messages if m.submission is not None]
        self._is_small = len(submissions) < SYNCFS_FROM
        self._steps = self._enqueuer.steps(submissions, now_s)
        try:
            self._to_disk(next(self._steps))
        except StopIteration:
            self._steps = None
        return not self.is_busy

    def go_on(self) -> bool:
        """Waits for the barrier under way."""
        assert self._steps is not None
        try:
            self._to_disk(self._steps.send(self._barriers.end()))
        except StopIteration:
            self._steps = None
        return not self.is_busy

    def _to_disk(self, barrier: Callable[[], bool]) -> None:
        assert self._steps is not None
        while self._is_small:
            barrier = self._steps.send(barrier())
        self._barriers.begin(barrier)

    def close(self) -> None:
        self._barriers.close()

    def took_s(self) -> float:
        return time.monotonic() - self._begun_s


class _Barriers:
    """begin() one, and when fd is readable, end() it."""

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_CLOEXEC)
        self._asked: SimpleQueue[Callable[[], bool] | None] = SimpleQueue()
        self._answer: bool | BaseException = False
        self._thread = threading.Thread(target=self._run, name="barriers", daemon=True)
        self._thread.start()

    def begin(self, barrier: Callable[[], bool]) -> None:
        self._asked.put(barrier)

    def end(self) -> bool:
        """Waits for it. -> what it returned; raises what it raised."""
        os.eventfd_read(self.fd)
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer

    def close(self) -> None:
        self._asked.put(None)
        self._thread.join()
        os.close(self.fd)

    def _run(self) -> None:
        while (barrier := self._asked.get()) is not None:
            try:
                self._answer = barrier()
            except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
                self._answer = error
            os.eventfd_write(self.fd, 1)
