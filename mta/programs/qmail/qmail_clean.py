"""qmail-clean: remove files of finished messages from the queue, for qmail-send, which may not do that itself.

Reads    fd 0 requests, each ended by NUL: todo/N removes intd/N, then todo/N; foop/N removes intd/N, then mess/H/N; done/N, which is ours,
         removes intd/N, todo/N, then mess/H/N
Writes   fd 1 one byte for each: + gone, ! an unlink failed, - only mess/H/N could not be removed (done/N), x not a request
Exits    0 at the end of fd 0; 100 if it cannot answer; 111 if it cannot start
Locks    the directory todo/, from the first request on: the qmail-clean of a qmail-send that died finishes what it was asked before the
         next one begins. What qmail-send sees in todo/ after our first answer nobody takes away but for qmail-send.
Limits   a request of 7 to 100 octets, its NUL counted; nothing but digits after the slash; every 30 requests files in pid/ that have not
         been read for 36 hours are removed
Runs as  qmailq
Source   qmail-clean(8), qmail-clean.c (which answers more than one byte to a malformed request)
"""

from __future__ import annotations

import os

from mta.errors import Temporary
from mta.unix import clock, lock
from mta.unix.fds import Fds
from mta.unix.queuedir import Paths

OSSIFIED_S = 129600  # as in qmail_send/cleanups.py
PID_SWEEP_EVERY = 31
DONE, FAILED, MESS_LEFT, MALFORMED = b"+", b"!", b"-", b"x"
_KINDS = (b"todo", b"foop", b"done")


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    try:
        os.chdir(os.path.join(env[b"QMAIL_HOME"], b"queue"))
        todo = os.open(b"todo", os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise Temporary("unable to switch to queue directory", str(error)) from error
    try:
        return _serve(fds, todo)
    finally:
        os.close(todo)


def _serve(fds: Fds, todo: int) -> int:
    paths = Paths(b".")
    buffer, count = b"", 0
    while data := os.read(fds[0], 1 << 16):
        if not count:  # not before: a qmail-send that finds another one at work leaves without a request
            lock.wait_exclusive(todo)
        *requests, buffer = (buffer + data).split(b"\0")
        answers = b""
        for request in requests:
            if count % PID_SWEEP_EVERY == 0:
                sweep_pid(clock.now_s())
            count += 1
            answers += obey(paths, request)
        try:
            fds.write(1, answers)
        except OSError:
            return 100
        if len(buffer) > 200:  # no request is so long; qmail-send would wait for an answer for ever
            return 100
    return 0


def obey(paths: Paths, request: bytes) -> bytes:
    kind, slash, number = request.partition(b"/")
    if not slash or kind not in _KINDS or not number.isdigit() or not 7 <= len(request) + 1 <= 100:
        return MALFORMED
    messnum = int(number)
    if not _unlink(paths.intd(messnum)) or (kind != b"foop" and not _unlink(paths.todo(messnum))):
        return FAILED
    if kind == b"todo" or _unlink(paths.mess(messnum)):
        return DONE
    return MESS_LEFT if kind == b"done" else FAILED


def _unlink(path: bytes) -> bool:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError:
        return False
    return True


def sweep_pid(now_s: int) -> None:
    """Files that a queue writer left in pid/ when it died."""
    try:
        with os.scandir(b"pid") as entries:
            for entry in entries:
                if now_s >= entry.stat(follow_symlinks=False).st_atime + OSSIFIED_S:
                    os.unlink(entry.path)
    except OSError:  # the next sweep is 30 requests away
        pass
