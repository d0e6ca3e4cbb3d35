"""qmail-qstat: count the messages in the queue.

Reads    the names in queue/mess and queue/todo
Writes   two lines to fd 1: all messages, and those qmail-send has not looked at yet
Exits    0; 111 when the queue is closed to us: a number that may be wrong is not shown
Runs as  root or qmails
Source   qmail-qstat(8), qmail-qstat.sh
"""

from __future__ import annotations

import os

from mta.formats.error_str import error_str
from mta.unix.fds import Fds
from mta.unix.queuedir import SPLIT, Paths


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    paths = Paths(env[b"QMAIL_HOME"] + b"/queue")
    try:
        messages = sum(_files(paths.folder(b"mess/%d" % part)) for part in range(SPLIT))
        todo = _files(paths.folder(b"todo"))
    except OSError as error:
        fds.say(b"qmail-qstat: fatal: unable to read %b: %b\n" % (error.filename, error_str(error.errno).encode()))
        return 111
    fds.write(1, b"messages in queue: %d\nmessages in queue but not yet preprocessed: %d\n" % (messages, todo))
    return 0


def _files(folder: bytes) -> int:
    with os.scandir(folder) as entries:
        return sum(entry.is_file(follow_symlinks=False) for entry in entries)
