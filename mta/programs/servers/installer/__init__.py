"""installer: install checked configuration files.

The only way from the control plane to the files. A question (formats/install_call) is read and checked by a child that owns nothing; what
it found good comes back as a short order, and this process, root, writes those bytes to those whitelisted names. What lies below domains/
is written by a second child that has become the owner of that directory.
Reads    run/installer (formats/install_call); control/ and users/; a domain's vpasswd, .qmail files, .qmailadmin-limits, .stale-mail
Writes   generations/ (unix/generations); below domains/ and removed/ as their owners; "h" to qmail-send's supervise after a change of
         locals or virtualdomains; fd 2: one line for each change
Exits    0 never; 111 if it cannot start
Limits   a question 64 MiB; 8 callers at a time, each for 120 s; only root and the control plane's user are heard (SO_PEERCRED)
Runs as  root: it imports nothing that parses. An instance with a single user has one user here, too.
Source   DESIGN 4 and 7, reliability rules 10 and 11
"""

from __future__ import annotations

import os
import signal
import socket

from mta.programs.servers.installer import child, session
from mta.unix import accounts, ask
from mta.unix.fds import Fds

WORKERS_MAX = 8
QUESTION_S = 120


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    home = env[b"QMAIL_HOME"]
    os.umask(0o022)
    service = session.Service(home, accounts.load(home), fds)
    service.prepare()
    with ask.listen(home + b"/run/installer", mode=0o660, owner=service.socket_owner()) as sock:
        fds.say(b"installer: status: ready\n")
        serve(sock, service)
    return 0


def serve(sock: socket.socket, service: session.Service) -> None:
    """A process for each caller, so that a slow one keeps nobody waiting. Raises OSError."""
    workers = 0
    while True:
        connection, _ = sock.accept()
        workers -= child.reap(wait=workers >= WORKERS_MAX)
        with connection:
            if child.fork() == 0:
                with child.to_the_end():
                    sock.close()
                    signal.alarm(QUESTION_S)
                    service.serve(connection)
        workers += 1
