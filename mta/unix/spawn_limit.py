"""control/concurrencylimit: how many deliveries a spawner can run at a time, whatever concurrencylocal and concurrencyremote say. What the
original compiles in (conf-spawn); qmail-send, qmail-lspawn and qmail-rspawn must be started with the same.

Source   conf-spawn; the big-concurrency patch
"""

from __future__ import annotations

from mta.errors import Temporary
from mta.formats import spawn
from mta.unix import rlimit
from mta.unix.controls import ControlDir, Unreadable


def load(home: bytes) -> int:
    """Raises Temporary."""
    try:
        folder = ControlDir(home)
        return spawn.bounded(folder.integer("concurrencylimit", 120))
    except Unreadable as error:
        raise Temporary(str(error)) from error


def make_room(limit: int) -> None:
    """For more deliveries than usual, more descriptors than usual."""
    if limit > spawn.CAPACITY:
        rlimit.raise_descriptors()
