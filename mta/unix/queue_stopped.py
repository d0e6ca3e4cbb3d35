"""Keep qmail-send from starting while the queue is changed by somebody else.

qmail-send holds lock/sendmutex as long as it lives; the qmail-clean of one that was killed holds todo/ until it has done what it was asked.
Source   qmail-send.c (lock/sendmutex), docs/queue-states.md
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from mta.unix import lock
from mta.unix.queuedir import Paths


@contextmanager
def held(paths: Paths) -> Iterator[bool]:
    """True: nobody works on the queue, and nobody starts while the block runs. False: somebody does. Raises OSError."""
    mutex = os.open(paths.folder(b"lock/sendmutex"), os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        todo = os.open(paths.folder(b"todo"), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield lock.try_exclusive(mutex) and lock.try_exclusive(todo)
        finally:
            os.close(todo)
    finally:
        os.close(mutex)
