"""predate: give a program its input with a Date line in local time before it.

Usage    predate PROGRAM [ARGUMENT ...]
Reads    fd 0; TZ, or /etc/localtime without it
Writes   "Date: 3 Jan 1996 02:05:34 +0100" and the input to PROGRAM's fd 0
Exits    as PROGRAM; 100 usage; 111 PROGRAM cannot be run, or crashed, or the input cannot be read
Limits   nothing of the input is kept: it passes in pieces. What PROGRAM does not read is no trouble.
Runs as  anybody
Source   predate.c, RFC 5322 3.3
"""

from __future__ import annotations

import time

from mta.errors import MailError, Temporary
from mta.formats import date822
from mta.formats.error_str import error_str
from mta.unix import clock, inner
from mta.unix.fds import Fds


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if not argv:
        fds.say(b"predate: usage: predate child\n")
        return 100
    try:
        return _feed(argv, env, fds)
    except MailError as error:
        fds.say(b"predate: fatal: %b\n" % error.text.encode())
        return error.exit


def _feed(program: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    """Exit code of the program. Raises Temporary."""

    def failed(error: OSError) -> int:
        Fds().say(b"predate: fatal: unable to run %b: %b\n" % (program[0], error_str(error.errno).encode()))
        return Temporary.exit

    feed = inner.Feed(program, env, fds, failed)
    now_s = clock.now_s()
    try:
        feed.copy(b"Date: %b\n" % date822.local_stamp(now_s, time.localtime(now_s).tm_gmtoff), fds[0])
    except BrokenPipeError:  # it has read all it wants
        pass
    except OSError as error:
        feed.kill()
        raise Temporary(f"unable to read input: {error_str(error.errno)}") from error
    return feed.end()
