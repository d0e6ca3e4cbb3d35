"""pgrphack: run a program in a session, and so a process group, of its own.

Usage    pgrphack PROGRAM [ARGUMENT ...]
Does     setsid(2), where that is possible, and becomes PROGRAM, looked for in PATH: a signal to the group of whoever started us does not
         reach it
Exits    as PROGRAM; 100 usage; 111 it cannot be run
Source   pgrphack(8), pgrphack.c
"""

from __future__ import annotations

import os

from mta.unix import pathexec, say
from mta.unix.fds import Fds

NAME = b"pgrphack"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if not argv:
        return say.usage(fds, NAME, b"pgrphack child")
    try:
        os.setsid()
    except PermissionError:  # we lead a group already
        pass
    return pathexec.chain(NAME, argv, env, fds, env.get(b"PATH"))
