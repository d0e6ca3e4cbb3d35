"""The sweep: messages that a writer left half-made (S2, S3) are removed after 36 hours.

Runs at start and then about once a day, a few directory entries at each turn of the loop, so that a large queue is not held up by it.
OSSIFIED_S must stay above the 24 hours after which qmail-queue gives up: no living writer owns a file that old.
Source   INTERNALS 5, qmail-send.c cleanup_do
"""

from __future__ import annotations

from collections.abc import Iterator

from mta.programs.qmail.qmail_send.core import Core, exists
from mta.unix.queuedir import SPLIT, numbers

OSSIFIED_S = 129600
AGAIN_S = 76431
ENTRIES_A_TURN = 50


class Sweep:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._walk: Iterator[int] | None = self._numbers()
        self._next_at = 0

    @property
    def is_running(self) -> bool:
        return self._walk is not None

    def next_due(self) -> int:
        return self._next_at

    def clock_was_set(self, by_s: int) -> None:
        self._next_at += by_s

    def step(self, now_s: int) -> None:
        """Look at a few entries of mess/."""
        if self._walk is None:
            if now_s < self._next_at:
                return
            self._walk = self._numbers()
        for _ in range(ENTRIES_A_TURN):
            messnum = next(self._walk, None)
            if messnum is None:
                self._walk = None
                self._next_at = now_s + AGAIN_S
                return
            self._check(messnum, now_s)

    def _numbers(self) -> Iterator[int]:
        for i in range(SPLIT):
            try:
                names = self._core.disk.listdir(self._core.paths.folder(b"mess/%d" % i))
            except OSError:
                continue
            yield from numbers(names)

    def _check(self, messnum: int, now_s: int) -> None:
        core = self._core
        try:
            if now_s <= core.disk.stat(core.paths.mess(messnum)).st_atime + OSSIFIED_S:
                return
            if exists(core, core.paths.info(messnum)) or exists(core, core.paths.todo(messnum)):
                return
        except OSError:  # gone meanwhile, or not to be judged now
            return
        core.clean.request(b"foop", messnum, lambda _ok: None)
