"""qmail-tcpto: list the addresses that recently timed out.

Reads    queue/lock/tcpto under its lock (formats/tcpto)
Writes   a line to fd 1 for each address: when its last time-out was, and how many there were. From two on, deliveries leave it out for
         about an hour.
Exits    0; 111 when the file is closed to us
Runs as  root or qmailr
Source   qmail-tcpto(8), qmail-tcpto.c
"""

from __future__ import annotations

import os
import signal

from mta.formats import tcpto
from mta.formats.error_str import error_str
from mta.unix import clock, lock
from mta.unix.fds import Fds


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    folder = env[b"QMAIL_HOME"] + b"/queue/lock"
    act = b"chdir"
    try:
        os.stat(folder + b"/.")  # "." asks for the right to enter, which chdir would need
        act = b"open tcpto"
        fd = os.open(folder + b"/tcpto", os.O_RDWR | os.O_NONBLOCK)
        try:
            act = b"lock tcpto"
            lock.wait_exclusive(fd)
            act = b"read tcpto"
            data = os.read(fd, tcpto.SIZE)
        finally:
            os.close(fd)
    except OSError as error:
        fds.write(1, b"fatal: unable to %b: %b\n" % (act, error_str(error.errno).encode()))
        return 111
    fds.write(1, b"".join(_line(entry, clock.now_s()) for entry in tcpto.read(data) if entry.count))
    return 0


def _line(entry: tcpto.Entry, now_s: int) -> bytes:
    ip = b".".join(b"%d" % octet for octet in entry.ip)
    ago_s = max(0, now_s - entry.when_s)  # a clock that was set back makes no time-out of the future
    return b"%b timed out %d seconds ago; # recent timeouts: %d\n" % (ip, ago_s, entry.count)


def guard() -> None:
    """In a process of our own: `qmail-tcpto | head` shall end without a word."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
