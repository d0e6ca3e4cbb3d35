"""qmail-newmrh: compile control/morercpthosts.

Reads    control/morercpthosts (formats/rcpthosts)
Writes   control/morercpthosts.tmp, synced, renamed to control/morercpthosts.cdb; then the directory is synced
Exits    0 compiled; 111 anything else: morercpthosts.cdb is then what it was
Limits   both files are held in memory; two at a time wait for each other
Runs as  root
Source   qmail-newmrh(8), qmail-newmrh.c
"""

from __future__ import annotations

from mta.unix import list_cdb
from mta.unix.fds import Fds


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    trouble = list_cdb.compile_(env[b"QMAIL_HOME"], b"morercpthosts")
    if trouble:
        fds.say(b"qmail-newmrh: fatal: %b\n" % trouble)
        return 111
    return 0
