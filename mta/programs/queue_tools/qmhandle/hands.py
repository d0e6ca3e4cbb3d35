"""Who changes the queue for qmHandle: qmail-send, when it runs and takes orders, else we ourselves, while nobody can start it.

Removing, when none runs: each step leaves a state that is one (docs/queue-states.md)
  1 # -todo, synced      a message that was queued only becomes S2: qmail-send would sweep it up one day
  2 # -local -remote -bounce, synced, then -info    S5 becomes S2, and nobody is told of anything
  3 # -intd -mess
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mta.errors import Permanent, Temporary
from mta.formats import ask as ask_format
from mta.unix import ask, clock, queue_stopped
from mta.unix.disk import REAL
from mta.unix.queue_scan import LOCAL, REMOTE, look
from mta.unix.queuedir import Paths

ORDERS = b"run/qmail-send/orders"


class Hand:
    """All raise Permanent: there is no such message; Temporary: not now."""

    def remove(self, messnum: int) -> None:
        raise NotImplementedError

    def retry(self, messnum: int) -> None:
        raise NotImplementedError

    def retry_all(self) -> None:
        raise NotImplementedError


Act = Callable[[Hand, int], None]


@contextmanager
def find(home: bytes, paths: Paths) -> Iterator[Hand]:
    """While the block runs no other qmail-send starts. Raises Temporary: one runs that takes no orders, or not from us."""
    with queue_stopped.held(paths) as is_ours:
        if is_ours:
            yield _Stopped(paths)
            return
    orders = _Running(os.path.join(home, ORDERS))
    orders.greet()
    yield orders


class _Running(Hand):
    def __init__(self, socket: bytes) -> None:
        self._socket = socket

    def greet(self) -> None:
        try:
            json.loads(self._order(b"status"))
        except (Permanent, Temporary, ValueError) as error:
            raise Temporary("qmail-send is running and takes no orders from us: stop it first") from error

    def remove(self, messnum: int) -> None:
        self._order(b"delete", b"%d" % messnum)

    def retry(self, messnum: int) -> None:
        self._order(b"retry", b"%d" % messnum)

    def retry_all(self) -> None:
        self._order(b"retry", b"all")

    def _order(self, *words: bytes) -> bytes:
        answer = ask.ask(self._socket, list(words))
        text = answer[1] if len(answer) > 1 else b""
        if answer[0] == ask_format.YES:
            return text
        raise (Permanent if answer[0] == ask_format.NO else Temporary)(text.decode("latin-1"))


class _Stopped(Hand):
    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def remove(self, messnum: int) -> None:
        paths = self._paths
        self._must_be(messnum)
        try:
            self._unlink(paths.todo(messnum))
            for path in (paths.channel(LOCAL, messnum), paths.channel(REMOTE, messnum), paths.bounce(messnum), paths.info(messnum)):
                self._unlink(path)
            for path in (paths.intd(messnum), paths.mess(messnum)):
                self._unlink(path)
        except OSError as error:
            raise Temporary(f"cannot be deleted: {error.strerror}") from error

    def retry(self, messnum: int) -> None:
        """The time of a channel's file is when it is tried next."""
        self._must_be(messnum)
        now_s = clock.now_s()
        for channel in (LOCAL, REMOTE):
            try:
                os.utime(self._paths.channel(channel, messnum), (now_s, now_s))
            except FileNotFoundError:
                continue

    def retry_all(self) -> None:
        raise Temporary("qmail-send is not running")

    def _must_be(self, messnum: int) -> None:
        if look(self._paths, messnum) is None:
            raise Permanent("there is no such message in the queue any more")

    @staticmethod
    def _unlink(path: bytes) -> None:
        try:
            REAL.unlink(path)
        except FileNotFoundError:
            return
        REAL.sync_dir(os.path.dirname(path))
