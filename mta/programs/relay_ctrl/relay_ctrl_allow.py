"""relay-ctrl-allow: note that the client has logged in, so that it may send mail for a while.

Usage    relay-ctrl-allow [PROGRAM [ARGUMENT ...]], behind checkpassword, as in
         qmail-popup HOST checkpassword relay-ctrl-allow qmail-pop3d Maildir
Reads    environment TCPREMOTEIP; USER and DOMAIN, which are noted with it; AUTHUSER, AUTHARGV0, AUTHENTICATED (Courier)
Writes   the file of the client's address (formats/relay_ctrl) in RELAY_CTRL_DIR, or RELAY_CTRL_DIR_FD
Does     becomes PROGRAM, looked for in PATH, whatever became of the note: trouble with it is a warning
Exits    as PROGRAM, 0 without one; 111 TCPREMOTEIP is no address, or PROGRAM cannot be run
Runs as  the user who has logged in
Source   relay-ctrl-allow(8), relay-ctrl-allow.c
"""

from __future__ import annotations

import time

from mta.errors import Temporary
from mta.formats import relay_ctrl
from mta.unix import pathexec, say
from mta.unix.fds import Fds
from mta.unix.relay_ctrl import Directory

NAME = b"relay-ctrl-allow"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    ip = relay_ctrl.address(env.get(b"TCPREMOTEIP", b""))
    if ip is None:
        return say.fatal(fds, NAME, b"Must be run from tcp-env or tcpserver.")
    if relay_ctrl.is_authenticated(env):
        try:
            directory = Directory(env)
            try:
                directory.record(ip, relay_ctrl.write(env), time.time_ns())
            finally:
                directory.close()
        except Temporary as failure:
            say.warning(fds, NAME, failure.text.encode())
        except OSError as error:
            say.warning(fds, NAME, b"unable to note " + ip, error)
    return pathexec.chain(NAME, argv, env, fds, env.get(b"PATH")) if argv else 0
