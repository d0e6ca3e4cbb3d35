"""forward: send the message a dot-qmail line was given on to other addresses.

Usage    forward [RECIPIENT ...], as a command in a dot-qmail file
Reads    fd 0 the message; NEWSENDER, DTLINE as qmail-local sets them (qmail-command(8))
Writes   DTLINE and the message to the queue, from NEWSENDER to the operands; "forward: qp N" to fd 2
Exits    0 queued; 100 not run by qmail-local, or the queue will never take it; 111 try again
Limits   nothing of the message is kept: it passes in pieces of 64 KiB
Runs as  the user whose mail it is
Source   forward(1), forward.c
"""

from __future__ import annotations

import os

from mta.errors import MailError, Permanent, Temporary
from mta.formats.error_str import error_str
from mta.unix import queue_call
from mta.unix.fds import Fds

_PIECE = 1 << 16


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    try:
        qp = _forward(argv, env, fds)
    except MailError as error:
        fds.say(b"forward: fatal: %b\n" % error.text.encode("latin-1", "replace"))
        return error.exit
    fds.say(b"forward: qp %d\n" % qp)
    return 0


def _forward(recipients: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    """-> the number under which the log knows the new message."""
    for variable in (b"NEWSENDER", b"DTLINE"):
        if variable not in env:
            raise Permanent(f"{variable.decode()} not set")
    call = queue_call.open_(env[b"QMAIL_HOME"], env)
    call.write(env[b"DTLINE"])
    try:
        while piece := os.read(fds[0], _PIECE):
            call.write(piece)
    except OSError as error:
        call.abandon()
        raise Temporary(f"unable to read message: {error_str(error.errno)}") from error
    failure = call.commit(env[b"NEWSENDER"], recipients)
    if failure is not None:
        raise failure
    return call.qp
