"""qmail-local: deliver one message to one local address, or, as a living worker, many to many.

Usage    qmail-local [-nN] USER HOME LOCAL DASH EXT HOST SENDER DEFAULT
         -n only says what would be done; -N, the default, does it
         qmail-local -W: a living worker, see worker; for qmail-lspawn only
Reads    fd 0 the message, seekable; .qmail files below HOME (dot-qmail(5)); DEFAULT stands for an empty or missing one
Gives    commands the message on fd 0, and SENDER NEWSENDER RECIPIENT USER HOME LOCAL HOST HOST2 HOST3 HOST4 EXT EXT2 EXT3 EXT4 DEFAULT
         DTLINE RPLINE UFLINE (decisions/local_environment)
Writes   Maildirs, mboxes, the queue (what is forwarded); what commands write; fd 1 "did F+W+P" and the number of the forwarded message;
         fd 2 what went wrong. Both go into the report to qmail-send.
Exits    0 delivered; 100 never will be; 111 try again; the exit of a command decides as qmail-command(8) says
Limits   the message is never in memory as a whole
Runs as  the user whose mail it is; whoever calls it has given up all other rights
Rooms    instructions (whose .qmail file, and what it says), oneshot (one message, line by line), worker (the loop of a living worker),
         inprocess (what a message needs in a batch)
Source   qmail-local(8), dot-qmail(5), qmail-command(8), qmail-local.c
"""

from __future__ import annotations

import os

from mta.formats.local_job import Address
from mta.formats.sgetopt import BadOption, Options
from mta.programs.qmail.qmail_local import oneshot, worker
from mta.unix.fds import Fds

_USAGE = b"qmail-local: usage: qmail-local [ -nN ] user homedir local dash ext domain sender aliasempty\n"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    options = Options(argv, "nNW")
    is_dry = is_worker = False
    try:
        for letter, _ in options:
            is_worker = is_worker or letter == b"W"
            is_dry = letter == b"n" if letter in b"nN" else is_dry
    except BadOption as error:
        fds.say(b"qmail-local: %b\n" % error.text)
        return _usage(fds)
    if is_worker:
        return worker.serve(env, fds)
    operands = options.operands
    if len(operands) != 8 or operands[1][:1] != b"/":
        return _usage(fds)
    return oneshot.deliver(Address(*operands), env, fds, is_dry=is_dry)


def _usage(fds: Fds) -> int:
    fds.say(_USAGE)
    return 100


def guard() -> None:
    """In a process of our own: what is made for a user is the user's alone."""
    os.umask(0o077)
