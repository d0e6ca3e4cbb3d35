"""qmail-newbrt: compile control/morebadrcptto.

Reads    control/morebadrcptto, a recipient a line: user@host, or @host for everybody there
Writes   control/morebadrcptto.tmp, synced, renamed to control/morebadrcptto.cdb; then the directory is synced
Exits    0 compiled; 111 anything else: morebadrcptto.cdb is then what it was
Limits   both files are held in memory; two at a time wait for each other
Runs as  root
Source   the badrcptto patch of qmail-smtpd
"""

from __future__ import annotations

from mta.unix import list_cdb
from mta.unix.fds import Fds


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    trouble = list_cdb.compile_(env[b"QMAIL_HOME"], b"morebadrcptto")
    if trouble:
        fds.say(b"qmail-newbrt: fatal: %b\n" % trouble)
        return 111
    return 0
