"""What lies in the queue, looked at from outside: read, never changed, and of one message at a time.

Rules    a message is what has mess/H/N and either todo/N, which then alone counts, or info/H/N. What disappears while we look has been
         finished: it is passed over, and so is what qmail-queue has not finished.
Limits   files may be missing or damaged: then sender is None, or recipients are fewer
Source   INTERNALS 2 and 3, docs/queue-states.md
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from mta.formats import info, recipients, todo
from mta.formats.recipients import Recipient
from mta.unix import atomic
from mta.unix.queuedir import SPLIT, Paths, numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

LOCAL, REMOTE = b"local", b"remote"


@dataclass(frozen=True, slots=True)
class Queued:
    """waiting: recipients of a message that is not preprocessed, for which local and remote are empty."""

    messnum: int
    sender: bytes | None
    waiting: tuple[bytes, ...] | None
    local: tuple[Recipient, ...]
    remote: tuple[Recipient, ...]
    is_bouncing: bool
    size_bytes: int

    @property
    def addresses(self) -> tuple[bytes, ...]:
        """Of all recipients, done or not."""
        return self.waiting if self.waiting is not None else tuple(r.address for r in (*self.local, *self.remote))


def messages(paths: Paths) -> Iterator[Queued]:
    """In the order of their numbers. Raises OSError when the queue is closed to us."""
    found: list[int] = []
    for part in range(SPLIT):
        found += numbers([os.fsencode(name) for name in os.listdir(paths.folder(b"mess/%d" % part))])
    for messnum in sorted(found):
        message = look(paths, messnum)
        if message is not None:
            yield message


def look(paths: Paths, messnum: int) -> Queued | None:
    """None: there is no such message. Raises OSError."""
    try:
        size = os.stat(paths.mess(messnum)).st_size
    except FileNotFoundError:
        return None
    is_bouncing = os.path.exists(paths.bounce(messnum))
    envelope = atomic.read(paths.todo(messnum))
    if envelope is not None:
        sender, waiting = _read_todo(envelope)
        return Queued(messnum, sender, waiting, (), (), is_bouncing, size)
    data = atomic.read(paths.info(messnum))
    if data is None:
        return None
    local, remote = (_read_channel(paths, channel, messnum) for channel in (LOCAL, REMOTE))
    return Queued(messnum, _read_info(data), None, local, remote, is_bouncing, size)


def _read_todo(data: bytes) -> tuple[bytes | None, tuple[bytes, ...]]:
    try:
        envelope = todo.read(data)
    except ValueError:
        return None, ()
    return envelope.sender, envelope.recipients


def _read_info(data: bytes) -> bytes | None:
    try:
        return info.read(data)
    except ValueError:
        return None


def _read_channel(paths: Paths, channel: bytes, messnum: int) -> tuple[Recipient, ...]:
    try:
        return tuple(recipients.read(atomic.read(paths.channel(channel, messnum)) or b""))
    except ValueError:
        return ()
