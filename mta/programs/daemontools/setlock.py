"""setlock: run a program while nobody else does, or while no other program that takes the same lock runs.

Usage    setlock [-nNxX] FILE PROGRAM [ARGUMENT ...]: -n do not wait for the lock, -N wait (so without); -x when FILE cannot be opened or
         locked leave without a word and with 0, -X say so and leave with 111 (so without)
Writes   nothing: FILE is made when it is not there, mode 0600, and stays
Does     locks FILE (flock) and becomes PROGRAM, looked for in PATH. The lock is given up when PROGRAM and all it started have left
Exits    as PROGRAM; 100 usage; 111 FILE cannot be opened or locked, or PROGRAM cannot be run
Source   setlock(8), setlock.c
"""

from __future__ import annotations

import os

from mta.formats.sgetopt import BadOption, Options
from mta.unix import lock, pathexec, say
from mta.unix.fds import Fds

NAME = b"setlock"
_USAGE = b"setlock [ -nNxX ] file program [ arg ... ]"
_WAIT = {b"n": False, b"N": True}
_SILENT = {b"x": True, b"X": False}


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    is_waiting, is_silent = True, False
    options = Options(argv, "nNxX")
    try:
        for letter, _ in options:
            is_waiting = _WAIT.get(letter, is_waiting)
            is_silent = _SILENT.get(letter, is_silent)
    except BadOption as error:
        fds.say(NAME + b": " + error.text + b"\n")
        return say.usage(fds, NAME, _USAGE)
    if len(options.operands) < 2:
        return say.usage(fds, NAME, _USAGE)
    file, *command = options.operands
    step = b"open "
    try:
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK, 0o600)
        step = b"lock "
        if is_waiting:
            lock.wait_exclusive(fd)
        elif not lock.try_exclusive(fd):
            raise BlockingIOError(11, "locked")
    except OSError as error:
        return 0 if is_silent else say.fatal(fds, NAME, b"unable to " + step + file, error)
    os.set_inheritable(fd, True)
    return pathexec.chain(NAME, command, env, fds, env.get(b"PATH"))
