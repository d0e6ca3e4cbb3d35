"""Processes that do one thing for the installer with fewer rights, and end."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mta.errors import Temporary

CHILD_S = 110  # must stay below QUESTION_S in __init__.py: the worker then still tells its caller


def fork() -> int:
    """os.fork, with what is buffered written first so that it is not written twice."""
    sys.stdout.flush()
    sys.stderr.flush()
    return os.fork()


@contextmanager
def to_the_end() -> Iterator[None]:
    """Of a child: when the block is left the process ends, whatever happened; nothing of the parent's is run."""
    try:
        yield
    finally:
        failed = sys.exc_info()[0] is not None
        if failed:
            traceback.print_exc()
        os._exit(111 if failed else 0)


def reap(wait: bool) -> int:
    """Take note of children that ended; wait: until there is one. -> how many."""
    count = 0
    try:
        while os.waitpid(-1, 0 if wait and not count else os.WNOHANG)[0]:
            count += 1
    except ChildProcessError:  # none is left
        pass
    return count


def call(become: Callable[[], None], work: Callable[[], bytes]) -> bytes:
    """What work returns when it runs in a child that has become somebody else. Raises Temporary when the child fails."""
    reading, writing = os.pipe()
    pid = fork()
    if pid == 0:
        with to_the_end():
            os.close(reading)
            signal.alarm(CHILD_S)
            become()
            with open(writing, "wb") as pipe:
                pipe.write(work())
    os.close(writing)
    with open(reading, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(pid, 0)
    if status:
        raise Temporary(f"child of the installer failed ({os.waitstatus_to_exitcode(status)}); its log tells why")
    return data
