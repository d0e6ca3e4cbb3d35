"""setuidgid: run a program as another user.

Usage    setuidgid ACCOUNT PROGRAM [ARGUMENT ...]
Does     gives up all groups but the account's own, then takes its gid and uid, then becomes PROGRAM, which is looked for in PATH
Exits    as PROGRAM; 100 usage; 111 unknown account, no right to become it, or PROGRAM cannot be run
Limits   rights are given up for good. ACCOUNT is a name, never a number
Runs as  root
Source   setuidgid(8), prot.c
"""

from __future__ import annotations

import os
import pwd

from mta.unix import say, signals
from mta.unix.fds import Fds

NAME = b"setuidgid"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if len(argv) < 2:
        return say.usage(fds, NAME, b"setuidgid account child")
    account, *command = argv
    try:
        entry = pwd.getpwnam(os.fsdecode(account))
    except KeyError:
        return say.fatal(fds, NAME, b"unknown account " + account)
    step = b"setgid"
    try:
        os.setgroups([entry.pw_gid])
        os.setgid(entry.pw_gid)
        step = b"setuid"
        os.setuid(entry.pw_uid)
        step = b"run " + command[0]
        signals.to_default()
        os.execvpe(command[0], command, env)
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to " + step, error)
