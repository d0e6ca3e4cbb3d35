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

from mta.errors import MailError
from mta.unix import pass_on
from mta.unix.fds import Fds


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    try:
        qp = pass_on.send(env, fds[0], pass_on.variable(env, b"NEWSENDER"), argv)
    except MailError as error:
        fds.say(b"forward: fatal: %b\n" % error.text.encode("latin-1", "replace"))
        return error.exit
    fds.say(b"forward: qp %d\n" % qp)
    return 0
