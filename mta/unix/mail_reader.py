"""Start a mail reader on an mbox into which the mail of a Maildir has just been moved: elq, pinq, qail.

Loaded by three small programs: builtins only.
Source   maildir2mbox(1)
"""

from __future__ import annotations

import os

from mta.formats.error_str import error_str
from mta.unix import exec_, path_search, warm
from mta.unix.fds import Fds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_MOVER = b"maildir2mbox"
_FAILED = 111


def start(name: bytes, reader: bytes, argv: list[bytes], env: dict[bytes, bytes], fds: Fds, own: Callable[[], int]) -> int:
    """name: the program that was called; reader: what is to be run, found on PATH; own: our own maildir2mbox. Returns only when something
    goes wrong: the mail has not been moved, or there is no such reader."""
    code = _move(env, fds, own)
    if code:
        return code
    try:
        path_search.become([reader, *argv], env, {n: fds[n] for n in (0, 1, 2) if fds[n] != n})
    except OSError as error:
        fds.say(b"%b: fatal: unable to run %b: %b\n" % (name, reader, error_str(error.errno).encode()))
        return _FAILED


def _move(env: dict[bytes, bytes], fds: Fds, own: Callable[[], int]) -> int:
    """Exit code of maildir2mbox, of ours or of what stands in its place."""
    foreign = warm.foreign_program(env[b"QMAIL_HOME"], _MOVER)
    if foreign is None:
        return own()
    pid = os.fork()
    if pid == 0:
        try:
            exec_.become(foreign, [foreign], env, {n: fds[n] for n in (0, 1, 2) if fds[n] != n})
        finally:
            os._exit(_FAILED)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code if code >= 0 else _FAILED
