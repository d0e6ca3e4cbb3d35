"""Telling senders what failed: bounce/N, and the message made of it.

A paragraph is on disk before its recipient is marked done, so that no failure goes untold, whatever crashes (the original may lose one).
Source   qmail-send.c addbounce and injectbounce
"""

from __future__ import annotations

import os

from mta.decisions.bounce_route import BounceRoute, bounce_route
from mta.decisions.rewrite import strip_prepend
from mta.errors import MailError
from mta.formats import bounce, info, qmaillog
from mta.programs.qmail.qmail_send.core import Core, read_file, short
from mta.unix import queue_call
from mta.unix.queue_call import QueueCall

_PIECE = 1 << 16


def append(core: Core, messnum: int, recipient: bytes, report: bytes) -> bool:
    """Note a failed recipient (rewritten address). False: it could not be noted, so the recipient must not be marked."""
    text = bounce.paragraph(strip_prepend(recipient, core.controls.rewrite.virtualdomains), report)
    path = core.paths.bounce(messnum)
    try:
        fd = core.disk.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = core.disk.fstat(fd).st_size
            try:
                core.disk.write(fd, text)
                core.disk.fsync(fd)
            except OSError:
                core.disk.ftruncate(fd, size)
                raise
        finally:
            core.disk.close(fd)
        if size == 0:
            core.disk.sync_dir(os.path.dirname(path))
    except OSError:
        core.say.alert(b"unable to append to bounce message; will try again later")
        return False
    return True


def inject(core: Core, messnum: int, now_s: int, env: dict[bytes, bytes]) -> bool:
    """Send what bounce/N says, if there is one, and remove it. False: try again later."""
    path = core.paths.bounce(messnum)
    try:
        fd = core.disk.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return True
    except OSError:
        core.say.warning(b"trouble opening %b; will try again later" % short(path))
        return False
    try:
        sender = info.read(read_file(core, core.paths.info(messnum))[0])
        route = bounce_route(sender, core.controls.doublebounce)
        if route is None:
            core.say(qmaillog.triple_bounce(messnum))
        elif not _send(core, messnum, fd, sender, route, now_s, env):
            return False
        core.disk.unlink(path)
    except (OSError, ValueError):
        core.say.warning(b"trouble reading %b; will try again later" % short(core.paths.info(messnum)))
        return False
    finally:
        core.disk.close(fd)
    return True


def _send(core: Core, messnum: int, notes: int, sender: bytes, route: BounceRoute, now_s: int, env: dict[bytes, bytes]) -> bool:
    try:
        call = queue_call.open_(core.home, env)
    except MailError:
        core.say.warning(b"unable to start qmail-queue, will try later")
        return False
    c = core.controls
    call.write(
        bounce.head(now_s=now_s, bouncefrom=c.bouncefrom, bouncehost=c.bouncehost, recipient=route.recipient, is_double=route.is_double)
    )
    try:
        _copy(core, notes, call)
        call.write(bounce.tail(original_sender=sender, is_double=route.is_double))
        original = core.disk.open(core.paths.mess(messnum), os.O_RDONLY)
        try:
            _copy(core, original, call)
        finally:
            core.disk.close(original)
    except OSError:
        call.abandon()
        core.say.warning(b"trouble injecting bounce message, will try later")
        return False
    if call.commit(route.sender, [route.recipient]) is not None:
        core.say.warning(b"trouble injecting bounce message, will try later")
        return False
    core.say(qmaillog.bounce_msg(messnum, call.qp))
    return True


def _copy(core: Core, fd: int, call: QueueCall) -> None:
    while piece := core.disk.read(fd, _PIECE):
        call.write(piece)
