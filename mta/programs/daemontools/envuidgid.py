"""envuidgid: run a program that is to know the numbers of an account.

Usage    envuidgid ACCOUNT PROGRAM [ARGUMENT ...]
Does     sets UID and GID to the account's numbers and becomes PROGRAM, looked for in PATH; it gives up no rights: tcpserver -U does that
Exits    as PROGRAM; 100 usage; 111 unknown account, or PROGRAM cannot be run
Source   envuidgid(8), envuidgid.c
"""

from __future__ import annotations

import os
import pwd

from mta.unix import pathexec, say
from mta.unix.fds import Fds

NAME = b"envuidgid"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if len(argv) < 2:
        return say.usage(fds, NAME, b"envuidgid account child")
    account, *command = argv
    try:
        entry = pwd.getpwnam(os.fsdecode(account))
    except KeyError:
        return say.fatal(fds, NAME, b"unknown account " + account)
    numbers = {b"UID": b"%d" % entry.pw_uid, b"GID": b"%d" % entry.pw_gid}
    return pathexec.chain(NAME, command, {**env, **numbers}, fds, env.get(b"PATH"))
