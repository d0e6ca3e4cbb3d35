"""qmail-rspawn: run remote deliveries for qmail-send, many at a time in one process.

Where the original starts a qmail-remote for each delivery, this one speaks SMTP itself, in an event loop: no start of a process, names
that were just looked up are known, and the connection of the last message takes the next one to the same destination.

Reads    fd 0 commands (formats/spawn); queue/mess; the files of qmail-remote, again when they change, looked at once a second;
         environment QMAILREMOTE, DNSCACHEIP
Writes   fd 1 the capacity, once, then reports; queue/lock/tcpto, emptied at start; fd 2 a line for what nobody foresaw
Exits    0 at the end of fd 0, after running deliveries have ended
Limits   120 deliveries at a time, or as many as control/concurrencylimit says, in 20 transactions with one destination at most;
         connections are kept as net/smtp_client/pool says
Shared   recipients of one message that come together share a transaction where they go to one place (shared); each is reported alone
Runs as  qmailr
Instead  $QMAILREMOTE, or a bin/qmail-remote that is not ours, runs for each delivery as with the original: argv NAME HOST SENDER
         RECIPIENT, fd 0 the message, fd 1 and 2 its reports, working directory queue/mess
Rooms    deliveries (slots, commands, reports), shared (what goes together), courier (our own delivery, controls reread), child (somebody
         else's program)
Source   qmail-rspawn(8), qmail-rspawn.c, spawn.c
"""

from __future__ import annotations

import os

from mta.net import event_loop
from mta.programs.qmail.qmail_rspawn.deliveries import Deliveries
from mta.unix import accounts, spawn_limit
from mta.unix.fds import Fds
from mta.unix.tcpto import TcpTo


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    home = env[b"QMAIL_HOME"]
    owner = accounts.load(home)["qmailq"].uid
    _occupy_errors(fds)
    table = os.path.join(home, b"queue/lock/tcpto")
    try:
        TcpTo(table, pid=0).empty()
    except OSError:  # as with the original: what timed out before is remembered a little longer
        pass
    capacity = spawn_limit.load(home)
    spawn_limit.make_room(capacity)
    event_loop.run(Deliveries(home, env, fds, owner, capacity).serve())
    return 0


def _occupy_errors(fds: Fds) -> None:
    """Descriptor 2 may have been closed. A connection must not take that number: our complaints would be sent to a mail server."""
    try:
        os.fstat(fds[2])
    except OSError:
        hole = os.open("/dev/null", os.O_WRONLY)
        if hole != fds[2]:
            os.dup2(hole, fds[2], inheritable=False)
            os.close(hole)
