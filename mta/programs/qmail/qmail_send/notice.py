"""The bounce of one message: its bytes, its way into the queue, and how to know it again there.

A bounce that was queued but whose queueing nobody heard of (we died, or the queue writer did) waits in todo/ until we deliver it. It is
known by its envelope and by every byte below the two lines that tell the time, Received and Date: the Received lines of the message it
holds are no other message's.
Source   qmail-send.c injectbounce
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from mta.decisions.bounce_route import BounceRoute
from mta.errors import MailError
from mta.formats import bounce, qmaillog, todo
from mta.programs.qmail.qmail_send.core import Core, read_file
from mta.unix import queue_call
from mta.unix.queuedir import numbers

_PIECE = 1 << 16
_LINES_OF_TIME = 2

Waiting = dict[tuple[bytes, bytes], list[tuple[int, int]]]  # (sender, recipient) -> (message number, qp) of each in todo/


@dataclass(frozen=True, slots=True)
class Notice:
    """notes: descriptor of bounce/N; size: how much of it counts."""

    messnum: int
    notes: int
    size: int
    sender: bytes  # of the message that failed
    route: BounceRoute


def send(core: Core, one: Notice, now_s: int, env: dict[bytes, bytes]) -> bool:
    """Queue it. False: it is not queued, as far as one can know. Raises OSError."""
    try:
        call = queue_call.open_(core.home, env)
    except MailError:
        core.say.warning(b"unable to start qmail-queue, will try later")
        return False
    try:
        for piece in _pieces(core, one, now_s):
            call.write(piece)
    except OSError:
        call.abandon()
        core.say.warning(b"trouble injecting bounce message, will try later")
        return False
    if call.commit(one.route.sender, [one.route.recipient]) is None:
        core.say(qmaillog.bounce_msg(one.messnum, call.qp))
        return True
    if call.is_uncertain and is_queued(core, one, waiting(core)):
        return True
    core.say.warning(b"trouble injecting bounce message, will try later")
    return False


def _pieces(core: Core, one: Notice, now_s: int) -> Iterator[bytes]:
    """All of it. Raises OSError."""
    c = core.controls
    yield bounce.head(
        now_s=now_s, bouncefrom=c.bouncefrom, bouncehost=c.bouncehost, recipient=one.route.recipient, is_double=one.route.is_double
    )
    for at in range(0, one.size, _PIECE):
        yield core.disk.pread(one.notes, min(_PIECE, one.size - at), at)
    yield bounce.tail(original_sender=one.sender, is_double=one.route.is_double)
    original = _original(core, one)
    yield from bounce.trimmed(original) if one.route.is_double and c.trims_double_bounces else original


def _original(core: Core, one: Notice) -> Iterator[bytes]:
    """The message that failed. Raises OSError."""
    fd = core.disk.open(core.paths.mess(one.messnum), os.O_RDONLY)
    try:
        while piece := core.disk.read(fd, _PIECE):
            yield piece
    finally:
        core.disk.close(fd)


def waiting(core: Core) -> Waiting:
    """What of todo/ may be a bounce, by sender and last recipient: those of control/queueextra stand before. Raises OSError."""
    found: Waiting = {}
    for messnum in numbers(core.disk.listdir(core.paths.folder(b"todo"))):
        try:
            envelope = todo.read(read_file(core, core.paths.todo(messnum))[0])
        except (OSError, ValueError):  # gone, or not ours
            continue
        if envelope.recipients:
            found.setdefault((envelope.sender or b"", envelope.recipients[-1]), []).append((messnum, envelope.pid))
    return found


def is_queued(core: Core, one: Notice, among: Waiting) -> bool:
    """Is it one of those, its name in todo/ on disk now? Raises OSError."""
    for messnum, qp in among.get((one.route.sender, one.route.recipient), ()):
        if _is_it(core, one, messnum):
            core.disk.sync_dir(core.paths.folder(b"todo"))
            core.say(qmaillog.bounce_msg(one.messnum, qp))
            return True
    return False


def _is_it(core: Core, one: Notice, messnum: int) -> bool:
    fd = core.disk.open(core.paths.mess(messnum), os.O_RDONLY)
    try:
        lines = core.disk.read(fd, _PIECE).split(b"\n", _LINES_OF_TIME)
        there = lines[-1] if len(lines) > _LINES_OF_TIME else b""
        for number, piece in enumerate(_pieces(core, one, 0)):
            wanted = piece if number else piece.partition(b"\n")[2]
            while len(there) < len(wanted) and (more := core.disk.read(fd, _PIECE)):
                there += more
            if not there.startswith(wanted):
                return False
            there = there[len(wanted) :]
        return not there and not core.disk.read(fd, 1)
    finally:
        core.disk.close(fd)
