"""Several processes of one server: the parent forks them, passes TERM on, and ends when one of them ends, so that whoever supervises it
starts all of them afresh. When the parent itself is killed they are told to stop."""

from __future__ import annotations

import os
import signal

from mta.unix import orphans

_STOPPING = (signal.SIGTERM, signal.SIGINT)
FAILED = 111


class Workers:
    """Signals to stop are held back from the first fork until the parent waits, and until a worker's own handlers are in place."""

    def __init__(self) -> None:
        self._pids: list[int] = []
        self._is_stopping = False

    def fork(self, count: int) -> int | None:
        """-> in each worker its number, counted from 0; None in the parent."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
        parent = os.getpid()
        for number in range(count):
            pid = os.fork()
            if pid == 0:
                orphans.end_with(parent, signal.SIGTERM)
                return number
            self._pids.append(pid)
        return None

    def wait(self) -> int:
        """The parent's life -> its exit code: 0 when it was told to stop."""
        for number in _STOPPING:
            signal.signal(number, lambda _n, _frame: self._stop())
        release()
        os.wait()
        self._end()
        try:
            while True:
                os.wait()
        except ChildProcessError:
            return 0 if self._is_stopping else FAILED

    def _stop(self) -> None:
        self._is_stopping = True
        self._end()

    def _end(self) -> None:
        for pid in self._pids:
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                continue


def release() -> None:
    """Handlers are in place: let the signals in."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
