"""Forked children whose output is collected while their parent waits for many things at once.

A child has ended when it is dead and its pipe is at its end: a grandchild that still holds the pipe delays it, as with the original.
Nothing here blocks: both are descriptors to wait for (pidfd_open(2)).
Source   spawn.c
"""

from __future__ import annotations

import os
import selectors
from collections.abc import Callable
from typing import NoReturn

from mta.unix import warm

Done = Callable[[int, bytes], None]  # (exit code, negative when a signal ended it; output)

_READ = selectors.EVENT_READ
_PIECE = 1 << 16


class Children:
    """selector: whose keys' data are functions without arguments, to be called when the descriptor is ready. output_max: octets kept of a
    child's output; the rest is read and forgotten."""

    def __init__(self, selector: selectors.BaseSelector, output_max: int) -> None:
        self._selector = selector
        self._output_max = output_max
        self.running = 0

    def start(self, body: Callable[[], int], stdin: int, done: Done, *, is_joined: bool = True) -> None:
        """Fork. In the child descriptor 0 is stdin, 1 the pipe and, is_joined, 2 as well; all others are closed; it exits with what body
        returns. Raises OSError."""
        out, pipe = os.pipe()
        try:
            pid = os.fork()
        except OSError:
            os.close(out)
            os.close(pipe)
            raise
        if pid == 0:
            _be(body, {0: stdin, 1: pipe, 2: pipe if is_joined else 2})
        os.close(pipe)
        self.running += 1
        _Child(self, pid, out, done)

    def _watch(self, fd: int, ready: Callable[[], None]) -> None:
        self._selector.register(fd, _READ, ready)

    def _forget(self, fd: int) -> None:
        self._selector.unregister(fd)
        os.close(fd)


class _Child:
    def __init__(self, children: Children, pid: int, out: int, done: Done) -> None:
        self._children = children
        self._pid = pid
        self._out = out
        self._done = done
        self._output = bytearray()
        self._exit: int | None = None
        self._is_silent = False
        self._pidfd = os.pidfd_open(pid)
        children._watch(self._pidfd, self._died)
        children._watch(out, self._spoke)

    def _died(self) -> None:
        self._exit = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        self._children._forget(self._pidfd)
        self._finish()

    def _spoke(self) -> None:
        piece = os.read(self._out, _PIECE)
        if piece:
            self._output += piece[: self._children._output_max - len(self._output)]
            return
        self._is_silent = True
        self._children._forget(self._out)
        self._finish()

    def _finish(self) -> None:
        if self._exit is not None and self._is_silent:
            self._children.running -= 1
            self._done(self._exit, bytes(self._output))


def _be(body: Callable[[], int], fds: dict[int, int]) -> NoReturn:
    """In the child. What it raises is told to whoever reads its output, and it never goes on as a second parent."""
    code = 111
    try:
        warm.rewire(fds)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        code = body()
    finally:
        os._exit(code)
