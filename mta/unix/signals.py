"""Signals as something to wait for beside descriptors, and signals as a program expects them when it starts.

Reading a descriptor while a flag waits to be looked at is a race: the signal may come between the look and the read. Here the signal makes
a descriptor readable, so that one poll waits for both and nothing is lost.
Loaded by programs of which many run at once: the C module only (signal would load enum).
Source   signal(7), pipe(7): the "self-pipe"
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

_IGNORED_BY_PYTHON = (_signal.SIGPIPE, _signal.SIGXFSZ)
_MANY = 4096


class Wakeup:
    """fd becomes readable when one of the signals came. One per process, in its main thread. close() puts back what was before."""

    __slots__ = ("_before", "_write", "fd")

    def __init__(self, numbers: Iterable[int]) -> None:
        self.fd, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        # a full pipe drops further bytes: it is readable all the same
        _signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._before = {number: _signal.signal(number, _noted) for number in numbers}

    def take(self) -> bytes:
        """The signals since the last call, in the order they came, one octet each."""
        try:
            return os.read(self.fd, _MANY)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        for number, handler in self._before.items():
            _signal.signal(number, handler)
        _signal.set_wakeup_fd(-1)
        os.close(self.fd)
        os.close(self._write)


def _noted(_number: int, _frame: FrameType | None) -> None:
    """What matters happened before we are called: the interpreter has written the number to the pipe."""


def to_default() -> None:
    """In a child before its exec: the two that Python ignores would stay ignored, and "cmd | head" would never end."""
    for number in _IGNORED_BY_PYTHON:
        _signal.signal(number, _signal.SIG_DFL)


def as_started() -> None:
    """In a child that goes on as another program of ours without an exec: as they are when an interpreter has just started."""
    _signal.set_wakeup_fd(-1)
    for number in range(1, _signal.NSIG):
        if callable(_signal.getsignal(number)):
            _signal.signal(number, _signal.SIG_DFL)
    _signal.signal(_signal.SIGINT, _signal.default_int_handler)


def die_of_interrupt() -> None:
    """The terminal's interrupt ends us at once, as it ends a C program, instead of raising KeyboardInterrupt somewhere."""
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
