"""Ask a checkpassword program whether name and password are right: POP3's qmail-popup, SMTP's AUTH.

Call     PROGRAM SUBPROGRAM ..., found on PATH; descriptor 3 is a pipe with the record: NAME NUL PASSWORD NUL STAMP NUL, at most 512 octets.
         With APOP and CRAM-MD5 PASSWORD is the digest and STAMP what it was made with.
Exits    0 is yes, and SUBPROGRAM has run; 1 no; 2 the record makes no sense; 111 cannot tell now
Source   cr.yp.to/checkpwd/interface.html, qmail-popup.c
"""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Mapping

from mta.errors import MailError, Permanent, Temporary
from mta.unix import path_search

RECORD_MAX = 512
FAILED = "authentication failed (#5.7.1)"
_MISUSED, _TEMPORARY = 2, 111
_ABOVE = 10  # descriptors out of the way of 0 to 3


class NoPipe(Exception):
    """The machine has no room for a pipe."""


def record(name: bytes, secret: bytes, stamp: bytes = b"") -> bytes:
    return b"%b\0%b\0%b\0" % (name, secret, stamp)


def run(command: list[bytes], record_: bytes, env: Mapping[bytes, bytes], fds: Mapping[int, int]) -> int:
    """fds: {descriptor of the program: ours}; 3 is added. -> its exit code, negative when a signal ended it. Raises NoPipe; OSError when
    there is no such program."""
    ours, theirs = _pipe()
    try:
        pid = _spawn(command, env, {**fds, 3: theirs})
    except OSError:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    with open(ours, "wb", buffering=0) as pipe:
        try:
            pipe.write(record_)  # far less than a pipe holds
        except BrokenPipeError:  # its exit code says the rest
            pass
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def ask(command: list[bytes], record_: bytes, env: Mapping[bytes, bytes]) -> MailError | None:
    """None: yes. The program reads nothing but the record, and what it says goes to descriptor 2."""
    if len(record_) > RECORD_MAX:
        return Permanent(FAILED)
    with open(os.devnull, "rb") as nothing:
        try:
            code = run(command, record_, env, {0: nothing.fileno(), 1: 2, 2: 2})
        except (NoPipe, OSError) as error:
            return Temporary("unable to run the password program (#4.3.0)", str(error))
    if code < 0 or code in (_MISUSED, _TEMPORARY):
        return Temporary("unable to check that now (#4.3.0)", f"exit {code}")
    return Permanent(FAILED) if code else None


def _pipe() -> tuple[int, int]:
    """-> (the end to write to, the end to read from), neither of them among the descriptors of the program."""
    try:
        reading, writing = os.pipe()
    except OSError as error:
        raise NoPipe from error
    try:
        return tuple(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for fd in (writing, reading))  # type: ignore[return-value]
    except OSError as error:
        raise NoPipe from error
    finally:
        os.close(reading)
        os.close(writing)


def _spawn(argv: list[bytes], env: Mapping[bytes, bytes], fds: Mapping[int, int]) -> int:
    """-> process id. Raises OSError when there is no such program."""
    spare = {number: fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for number, fd in fds.items()}
    actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in spare.items()]
    error: OSError = FileNotFoundError()
    try:
        for path in path_search.candidates(argv[0], env):
            try:
                return os.posix_spawn(path, argv, env, file_actions=actions, setsigdef=[signal.SIGPIPE])
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as found:
                error = found
        raise error
    finally:
        for fd in spare.values():
            os.close(fd)
