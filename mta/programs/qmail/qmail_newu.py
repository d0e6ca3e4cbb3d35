"""qmail-newu: compile users/assign.

Reads    users/assign (formats/users_assign)
Writes   users/cdb.tmp, synced, renamed to users/cdb; then the directory is synced. qmail-lspawn uses the new one for its next delivery.
Exits    0 compiled; 111 anything else: users/cdb is then what it was
Limits   both files are held in memory; two at a time wait for each other
Runs as  root
Source   qmail-newu(8), qmail-users(5), qmail-newu.c
"""

from __future__ import annotations

import os

from mta.formats import users_assign
from mta.unix import atomic, cdbfile
from mta.unix.fds import Fds

_STEPS = {
    "open": b"unable to open users/cdb.tmp",
    "write": b"unable to write users/cdb.tmp",
    "move": b"unable to move users/cdb.tmp to users/cdb",
}


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    home = env[b"QMAIL_HOME"]
    try:
        with cdbfile.one_compiler(home + b"/users"):
            trouble = _compile(home + b"/users")
    except OSError:
        trouble = b"unable to open users/assign" if os.path.isdir(home) else b"unable to chdir"
    if trouble:
        fds.say(b"qmail-newu: fatal: %b\n" % trouble)
        return 111
    return 0


def _compile(users: bytes) -> bytes:
    """-> what went wrong; b"" when nothing did."""
    try:
        text = atomic.read(users + b"/assign")
    except OSError:
        return b"unable to read users/assign"
    if text is None:
        return b"unable to open users/assign"
    try:
        cdbfile.replace(users + b"/cdb.tmp", users + b"/cdb", users_assign.compile_(text))
    except users_assign.BadLine:
        return b"bad format in users/assign"
    except cdbfile.NotReplaced as error:
        return _STEPS[error.step]
    return b""
