"""bounce/N: what failed for good, noted until the sender can be told, and the telling.

Noting   1 cut off what a crash left of a paragraph  2 append the paragraph, fsync  3 fsync bounce/  4 only then the recipient's mark
Telling  5 make the removal of todo/N, local/N and remote/N last  6 queue the bounce (notice)  7 unlink bounce/N, fsync bounce/
Crash    before 3: the recipient is delivered again, and fails or not. Between 3 and 4: the paragraph is found, and the recipient marked
         without another delivery (told). Between 6 and 7: the bounce still waits in todo/, for only we deliver; the next start knows it
         by its bytes and goes on with 7 (recover). So each failure is told once, whatever is killed; after a power cut, too. Three
         ways to be told twice remain: a recipient named twice in one envelope, a program in qmail-queue's place that changes the bounce,
         and a disk that does not let bounce/N go, when we are stopped before it does (as long as we live we know).
Source   qmail-send.c addbounce and injectbounce, which admits that it may lose a paragraph in a crash
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

from mta.decisions.bounce_route import bounce_route
from mta.decisions.rewrite import strip_prepend
from mta.formats import bounce, info, qmaillog
from mta.formats.recipients import Recipient
from mta.programs.qmail.qmail_send import notice
from mta.programs.qmail.qmail_send.core import Core, read_file, short
from mta.programs.qmail.qmail_send.notice import Notice
from mta.unix import queue_call
from mta.unix.queuedir import numbers

_WINDOW = 1 << 16


def append(core: Core, messnum: int, recipient: bytes, report: bytes) -> bool:
    """Note a failed recipient (rewritten address). False: it could not be noted, so the recipient must not be marked."""
    path = core.paths.bounce(messnum)
    try:
        fd = core.disk.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            _append(core, fd, bounce.paragraph(_known(core, recipient), report))
        finally:
            core.disk.close(fd)
    except OSError:
        core.say.alert(b"unable to append to bounce message; will try again later")
        return False
    return True


def _append(core: Core, fd: int, text: bytes) -> None:
    """All or nothing."""
    size = _whole(core, fd)
    if core.disk.fstat(fd).st_size > size:
        core.disk.ftruncate(fd, size)
    try:
        core.disk.write(fd, text)
        core.disk.fsync(fd)
        core.disk.sync_dir(core.paths.folder(b"bounce"))
    except OSError:
        core.disk.ftruncate(fd, size)
        raise


def _whole(core: Core, fd: int) -> int:
    """How much of bounce/N are whole paragraphs. Looks no further back than it must."""
    start = size = core.disk.fstat(fd).st_size
    while start > 0:
        end, start = min(start + 1, size), max(0, start - _WINDOW)  # an octet of the piece before: an empty line may lie across
        found = bounce.whole(core.disk.pread(fd, end - start, start))
        if found:
            return start + found
    return 0


def _known(core: Core, recipient: bytes) -> bytes:
    """As its sender knows it."""
    return strip_prepend(recipient, core.controls.rewrite.virtualdomains)


def told(core: Core, messnum: int, listed: Sequence[Recipient]) -> list[Recipient]:
    """Those of a channel's recipients that are not marked although their paragraph is there, on disk now: to be marked, not delivered. One
    that is listed several times is told of when all of them are. Raises OSError: it cannot be known."""
    path = core.paths.bounce(messnum)
    try:
        data, _ = read_file(core, path)
    except FileNotFoundError:
        return []
    paragraphs = bounce.told(data)
    names = [bounce.one_line(_known(core, r.address)) for r in listed]
    times = Counter(names)
    found = [r for r, name in zip(listed, names, strict=True) if not r.is_done and paragraphs[name] >= times[name]]
    if found:
        fd = core.disk.open(path, os.O_RDONLY)
        try:
            core.disk.fsync(fd)
        finally:
            core.disk.close(fd)
        core.disk.sync_dir(core.paths.folder(b"bounce"))
    return found


def inject(core: Core, messnum: int, now_s: int, env: dict[bytes, bytes]) -> bool:
    """Send what bounce/N says, if it says anything, and remove it. False: try again later."""
    path = core.paths.bounce(messnum)
    try:
        fd = core.disk.open(path, os.O_RDONLY)
    except FileNotFoundError:
        core.bounced.discard(messnum)
        return True
    except OSError:
        core.say.warning(b"trouble opening %b; will try again later" % short(path))
        return False
    try:
        if messnum not in core.bounced and not _tell(core, messnum, fd, now_s, env):
            return False
        core.bounced.add(messnum)
        _forget(core, messnum)
        core.bounced.discard(messnum)
    except (OSError, ValueError):
        core.say.warning(b"trouble reading %b; will try again later" % short(core.paths.info(messnum)))
        return False
    finally:
        core.disk.close(fd)
    return True


def _tell(core: Core, messnum: int, fd: int, now_s: int, env: dict[bytes, bytes]) -> bool:
    """Raises OSError, ValueError."""
    size = _whole(core, fd)
    if not size:  # a delivery failed, a crash came before that was noted, and the next one did not fail
        return True
    sender = info.read(read_file(core, core.paths.info(messnum))[0])
    route = bounce_route(sender, core.controls.doublebounce)
    if route is None:
        core.say(qmaillog.triple_bounce(messnum))
        return True
    for path in (core.paths.todo(messnum), *(core.paths.channel(c.name, messnum) for c in core.channels)):
        core.disk.sync_dir(os.path.dirname(path))
    return notice.send(core, Notice(messnum, fd, size, sender, route), now_s, env)


def _forget(core: Core, messnum: int) -> None:
    """The name must not come back after a power cut: its number may be another message's by then. Raises OSError."""
    core.disk.unlink(core.paths.bounce(messnum))
    core.disk.sync_dir(core.paths.folder(b"bounce"))


def recover(core: Core) -> None:
    """At start, before anything of todo/ is delivered: remove each bounce/N whose bounce was queued just before we died."""
    try:
        waiting = [n for n in numbers(core.disk.listdir(core.paths.folder(b"bounce"))) if n in core.done.due]
        if waiting:
            queue_call.settle(core.home)
            bounces = notice.waiting(core)
            for messnum in waiting:
                _recover(core, messnum, bounces)
    except OSError as error:
        core.say.warning(b"unable to look for bounces that were just queued: %b" % (error.strerror or "").encode())


def _recover(core: Core, messnum: int, bounces: notice.Waiting) -> None:
    """Raises OSError."""
    fd = core.disk.open(core.paths.bounce(messnum), os.O_RDONLY)
    try:
        sender = info.read(read_file(core, core.paths.info(messnum))[0])
        route = bounce_route(sender, core.controls.doublebounce)
        size = _whole(core, fd)
        if route is not None and size and notice.is_queued(core, Notice(messnum, fd, size, sender, route), bounces):
            _forget(core, messnum)
    except ValueError:  # info/N is damaged: finish will say so
        pass
    finally:
        core.disk.close(fd)
