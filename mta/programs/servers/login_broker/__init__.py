"""login-broker: check names and passwords, start sessions as the mailbox's user.

The one process that may do both: hear a password from an unprivileged front, and become the owner of a mailbox. It parses one bounded
record and forks; everything else happens in a child that has given up root (worker).

Reads    run/login-broker (formats/login_call): requests of our fronts, perhaps with the client's connection; in a child users/cdb,
         control/defaultdomain, control/me, then as the domain's user vpasswd.cdb and the mailbox
Writes   the answer; MAILBOX/lastauth; what a POP3 session writes; fd 2 one line for each login, "ok", "deny" or "warning"
Exits    0 after TERM; sessions under way go on. 111 if it cannot start
Limits   1000 children, 20 sessions of one mailbox, 1000 waiting requests; after ten failures for a name or from an address further tries
         wait 1 to 30 seconds (decisions/throttle)
Runs as  root; a child as the uid that users/cdb names for the domain. Only root, qmaild, tawnyd and vpopmail may ask
Source   DESIGN 4; vpopmail vchkpw, checkpassword
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import time

from mta.formats import login_call
from mta.programs.servers.login_broker import worker
from mta.programs.servers.login_broker.loop import Broker, Forked
from mta.unix import accounts, ask, crypt, rlimit
from mta.unix.fds import Fds
from mta.unix.log_pipe import LogPipe
from mta.unix.signals import Wakeup

FRONTS = ("qmaild", "tawnyd", "vpopmail")


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    home = env[b"QMAIL_HOME"]
    who = accounts.load(home)
    # the mode lets everybody connect, and the kernel tells who did: the fronts have no group in common
    sock = ask.listen(os.path.join(home, login_call.SOCKET), mode=0o666, backlog=1024, kind=socket.SOCK_SEQPACKET)
    os.umask(0o077)
    os.chdir(home)
    rlimit.raise_descriptors()
    wakeup = Wakeup((signal.SIGTERM, signal.SIGINT))
    log = LogPipe(fds[2], b"login-broker")
    broker = Broker(
        sock,
        frozenset({0, *(who[name].uid for name in FRONTS)}),
        wakeup.fd,
        lambda text: log.say((b"login-broker: " + text + b"\n",)),
        time.monotonic,
    )
    crypt.verify(b"x", crypt.DUMMY)  # now, not in every child, is libcrypt loaded and found to be there
    gc.freeze()  # what is loaded now stays shared with the children
    fds.say(b"login-broker: status: ready\n")
    try:
        broker.run()
        return 0
    except Forked as forked:
        caller, channel = forked.caller, forked.channel
    wakeup.close()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    assert caller.request is not None
    return worker.run(worker.Job(home, who["tawnyd"], caller.request, caller.sock, channel, caller.client, time.monotonic()))
