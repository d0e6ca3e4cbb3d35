"""Run the command of a .qmail line: /bin/sh -c COMMAND, the message on descriptor 0, and wait for it.

Rules    the command is one argument of the shell's and nothing is put into it; SIGPIPE ends it as usual; umask 077; the working directory
         is the home directory. Descriptors other than 0, 1 and 2 are closed.
Source   qmail-command(8), qmail-local.c mailprogram
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NoReturn

from mta.errors import Temporary
from mta.formats.error_str import error_str
from mta.unix import mess, signals, warm
from mta.unix.fds import Fds

SHELL = b"/bin/sh"
CRASHED = "Aack, child crashed. (#4.3.0)"
_TEMPORARY = 111


def run(command: bytes, home: bytes, env: Mapping[bytes, bytes], fds: Fds) -> int:
    """Exit code. Raises Temporary when it could not be started or a signal ended it."""
    mess.rewind(fds[0])
    try:
        pid = os.fork()
    except OSError as error:
        raise Temporary(f"Unable to fork: {error_str(error.errno)}. (#4.3.0)") from error
    if pid == 0:
        _be(command, home, env, fds)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code < 0:
        raise Temporary(CRASHED)
    return code


def _be(command: bytes, home: bytes, env: Mapping[bytes, bytes], fds: Fds) -> NoReturn:
    """In the child: be the command. Whatever goes wrong, it never goes on as a second parent."""
    try:
        warm.rewire({n: fds[n] for n in (0, 1, 2)})
        os.chdir(home)
        os.umask(0o077)
        signals.to_default()
        os.execve(SHELL, [SHELL, b"-c", command], env)
    except OSError as error:
        os.write(2, b"Unable to run /bin/sh: %b. (#4.3.0)\n" % error_str(error.errno).encode())
    finally:
        os._exit(_TEMPORARY)
