"""relay-ctrl-chdir: open the directory of relay-ctrl for programs that will not have the right to.

Usage    relay-ctrl-chdir PROGRAM [ARGUMENT ...], first in the run scripts of SMTP and POP3 servers
Reads    environment RELAY_CTRL_DIR
Does     opens the directory on a high descriptor, puts its number into RELAY_CTRL_DIR_FD, and becomes PROGRAM, looked for in PATH
Exits    as PROGRAM; 1 usage; 111 the directory cannot be opened, or PROGRAM cannot be run
Runs as  root: the folder above the directory is root's alone (mode 0700), the directory itself everybody's (0777)
Source   relay-ctrl-chdir.c
"""

from __future__ import annotations

import fcntl
import os

from mta.unix import pathexec, say
from mta.unix.fds import Fds

NAME = b"relay-ctrl-chdir"
_HIGH = 200  # shells and servers use the low ones


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if not argv:
        say.usage(fds, NAME, b"relay-ctrl-chdir program [arguments]")
        return 1
    path = env.get(b"RELAY_CTRL_DIR")
    if path is None:
        return say.fatal(fds, NAME, b"$RELAY_CTRL_DIR is not set")
    try:
        fd = fcntl.fcntl(os.open(path, os.O_RDONLY | os.O_DIRECTORY), fcntl.F_DUPFD, _HIGH)  # to be inherited
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to open " + path, error)
    return pathexec.chain(NAME, argv, {**env, b"RELAY_CTRL_DIR_FD": b"%d" % fd}, fds, env.get(b"PATH"))
