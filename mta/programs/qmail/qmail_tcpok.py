"""qmail-tcpok: forget which addresses timed out.

Writes   zeros over queue/lock/tcpto, under its lock: the next delivery tries every address again
Exits    0; 111 when the file is closed to us
Runs as  root or qmailr
Source   qmail-tcpok(8), qmail-tcpok.c
"""

from __future__ import annotations

import os

from mta.formats.error_str import error_str
from mta.unix.fds import Fds
from mta.unix.tcpto import TcpTo


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    home = env[b"QMAIL_HOME"]
    place = home
    act = b"chdir to "
    try:
        for place in (home, home + b"/queue/lock"):
            os.stat(place + b"/.")  # "." asks for the right to enter, which chdir would need
        act, place = b"write ", home + b"/queue/lock/tcpto"
        TcpTo(place, pid=os.getpid()).empty()
    except OSError as error:
        fds.say(b"qmail-tcpok: fatal: unable to %b%b: %b\n" % (act, place, error_str(error.errno).encode()))
        return 111
    return 0
