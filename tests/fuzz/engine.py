"""Tries inputs no person would write: seeds changed a little, over and over; those that lead to new lines of our code are kept, and changed
again.

A target is a function of bytes. What it may raise is said with it; any other exception is a finding, and so is an input that takes more
than PATIENCE_S of the processor's time. Which lines follow which is told by the interpreter's own tracing, of modules below mta/ alone.
"""

from __future__ import annotations

import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

PATIENCE_S = 10.0
SIZE_MAX = 2048  # of what is made; seeds may be longer
MUTATIONS_MAX = 6
TRACED = 0.2  # of the inputs: tracing takes ten times as long as not tracing
_INTERESTING = (
    b"\0",
    b"\r",
    b"\n",
    b"\r\n",
    b"\xff",
    b"\\",
    b'"',
    b":",
    b",",
    b" ",
    b"-1",
    b"0",
    b"99999999999999999999",
    b"@",
    b"%s",
    b"()",
)


@dataclass(frozen=True)
class Target:
    """words: what its inputs are made of."""

    name: str
    try_: Callable[[bytes], object]
    allowed: tuple[type[BaseException], ...] = (ValueError,)
    words: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Finding:
    target: str
    data: bytes
    trace: str


class TooSlow(Exception):
    """An input that keeps a parser busy."""


@dataclass
class Trace:
    """Pairs of lines, one after the other, that were seen."""

    pairs: set[tuple[CodeType, int, int]] = field(default_factory=set)
    _ours: dict[CodeType, bool] = field(default_factory=dict)

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        code = frame.f_code
        is_ours = self._ours.get(code)
        if is_ours is None:
            is_ours = self._ours[code] = "/mta/" in code.co_filename
        if not is_ours:
            return None
        last, add = 0, self.pairs.add

        def line(inner: FrameType, event: str, _: Any) -> Any:
            nonlocal last
            if event == "line":
                number = inner.f_lineno
                add((code, last, number))
                last = number
            return line

        return line


@contextmanager
def traced(trace: Trace) -> Iterator[None]:
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """0: without end."""

    def give_up(*_: object) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def attempt(target: Target, data: bytes) -> str | None:
    """One input -> what went wrong, None when nothing did."""
    try:
        target.try_(data)
    except target.allowed:
        return None
    except (Exception, TooSlow):  # whatever it is, it is what we look for
        return traceback.format_exc()
    return None


def mutated(data: bytes, pool: list[bytes], words: tuple[bytes, ...], rng: random.Random) -> bytes:
    for _ in range(rng.randint(1, MUTATIONS_MAX)):
        start = rng.randint(0, len(data))
        end = min(len(data), start + rng.choice((1, 1, 2, 4, 16, 64)))
        match rng.randrange(8):
            case 0:
                data = data[:start] + data[end:]
            case 1:
                data = data[:start] + data[start:end] * rng.choice((2, 2, 3, 50)) + data[end:]
            case 2:
                data = data[:start] + bytes([rng.randrange(256)]) + data[start + 1 :]
            case 3:
                data = data[:start] + bytes([rng.randrange(256)]) + data[start:]
            case 4:
                data = data[:start] + rng.choice(_INTERESTING) + data[start:]
            case 5:
                data = data[:start] + rng.choice(words or _INTERESTING) + data[start:]
            case 6:
                other = rng.choice(pool)
                cut = rng.randint(0, len(other))
                data = data[:start] + other[cut : cut + rng.choice((4, 32, SIZE_MAX))]
            case 7:
                data = data[:start] + data[start:end].swapcase() + data[end:]
    return data[:SIZE_MAX]


@dataclass
class Run:
    """Of one target. tried, kept: how many inputs; findings: one for each place that went wrong."""

    target: Target
    pool: list[bytes]
    rng: random.Random
    is_traced: bool = True
    patience_s: float = PATIENCE_S
    tried: int = 0
    findings: dict[str, Finding] = field(default_factory=dict)
    trace: Trace = field(default_factory=Trace)

    def step(self) -> None:
        newer = self.pool[-20:] if self.rng.random() < 0.5 else self.pool
        data = mutated(self.rng.choice(newer), self.pool, self.target.words, self.rng)
        before = len(self.trace.pairs)
        self.one(data)
        if len(self.trace.pairs) > before:
            self.pool.append(data)

    def for_seconds(self, seconds: float) -> None:
        """First all seeds, however long that takes."""
        end = time.monotonic() + seconds
        for data in list(self.pool):
            self.one(data)
        while time.monotonic() < end:
            self.step()

    def one(self, data: bytes) -> None:
        self.tried += 1
        with patience(self.patience_s):
            if self.is_traced and (self.tried <= len(self.pool) or self.rng.random() < TRACED):
                with traced(self.trace):
                    trouble = attempt(self.target, data)
            else:
                trouble = attempt(self.target, data)
        if trouble is not None:
            place = "\n".join(trouble.splitlines()[-3:-1])
            self.findings.setdefault(place, Finding(self.target.name, data, trouble))


def smaller(target: Target, data: bytes, seconds: float = 10.0) -> bytes:
    """An input with pieces left out that still goes wrong."""
    end, size = time.monotonic() + seconds, len(data)
    while size and time.monotonic() < end:
        for start in range(0, len(data), size):
            less = data[:start] + data[start + size :]
            with patience(PATIENCE_S):
                if attempt(target, less) is not None:
                    data = less
                    break
        else:
            size //= 2
    return data
