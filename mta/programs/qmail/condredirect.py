"""condredirect: send the message on to another address if a program says yes.

Usage    condredirect NEWADDRESS PROGRAM [ARGUMENT ...], as a command in a dot-qmail file
Reads    fd 0 the message, which PROGRAM may read, too; SENDER, DTLINE as qmail-local sets them (qmail-command(8))
Writes   if PROGRAM exits 0: DTLINE and the message to the queue, from SENDER to NEWADDRESS; "condredirect: qp N" to fd 2
Exits    99 sent on: the rest of the dot-qmail file is left out; 0 PROGRAM said no, or cannot be run; 111 PROGRAM exited 111 or crashed,
         or try again; 100 usage, not run by qmail-local, or the queue will never take it
Limits   fd 0 must be a file: it is read from its beginning again
Runs as  the user whose mail it is
Source   condredirect(1), condredirect.c
"""

from __future__ import annotations

import os

from mta.errors import MailError, Temporary
from mta.formats.error_str import error_str
from mta.unix import inner, pass_on
from mta.unix.fds import Fds

REDIRECTED = 99


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if len(argv) < 2:
        fds.say(b"condredirect: usage: condredirect newaddress program [ arg ... ]\n")
        return 100
    try:
        if not inner.says_yes(argv[1:], env, fds):
            return 0
        qp = _send(argv[0], env, fds)
    except MailError as error:
        fds.say(b"condredirect: fatal: %b\n" % error.text.encode("latin-1", "replace"))
        return error.exit
    fds.say(b"condredirect: qp %d\n" % qp)
    return REDIRECTED


def _send(address: bytes, env: dict[bytes, bytes], fds: Fds) -> int:
    """Raises Permanent, Temporary."""
    try:
        os.lseek(fds[0], 0, os.SEEK_SET)
    except OSError as error:
        raise Temporary(f"unable to rewind: {error_str(error.errno)}") from error
    return pass_on.send(env, fds[0], pass_on.variable(env, b"SENDER"), [address])
