"""fghack: stay in the foreground as long as a program that puts itself into the background runs.

Usage    fghack PROGRAM [ARGUMENT ...]
Does     gives PROGRAM, looked for in PATH, the end of a pipe on many descriptors, and waits until every process that has it has closed all
         of them or ended: a daemon that closes what it does not know is not waited for
Exits    as PROGRAM; 100 usage; 111 no pipe, no process, PROGRAM cannot be run, or a signal ended it
Limits   signals sent to us are not passed on: supervise cannot stop such a daemon
Source   fghack(8), fghack.c
"""

from __future__ import annotations

import os

from mta.unix import pathexec, say
from mta.unix.fds import Fds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

NAME = b"fghack"
_COPIES = 30


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if not argv:
        return say.usage(fds, NAME, b"fghack child")
    step = b"create pipe"
    try:
        reading, held = os.pipe()
        step = b"fork"
        pid = os.fork()
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to " + step, error)
    if pid == 0:
        _be(argv, env, fds, held)
    os.close(held)
    while os.read(reading, 1):
        pass
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return say.fatal(fds, NAME, b"child crashed") if code < 0 else code


def _be(argv: list[bytes], env: dict[bytes, bytes], fds: Fds, held: int) -> NoReturn:
    """In the child."""
    try:
        os.set_inheritable(held, True)
        for _ in range(_COPIES):
            os.set_inheritable(os.dup(held), True)
    except OSError:  # fewer copies will do
        pass
    try:
        os._exit(pathexec.chain(NAME, argv, env, fds, env.get(b"PATH")))
    finally:
        os._exit(111)
