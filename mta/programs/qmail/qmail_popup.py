"""qmail-popup: ask for name and password by POP3, and hand them to a program that knows whether they are right.

Usage    qmail-popup HOSTNAME SUBPROGRAM [ARGUMENT ...], SUBPROGRAM being found on PATH
Reads    fd 0 the client
Writes   fd 1 the replies; fd 3 of SUBPROGRAM: NAME NUL PASSWORD NUL <PID.TIME@HOSTNAME> NUL (checkpassword; with APOP the digest stands
         in the password's place)
Exits    always 1, whatever happened: the session itself is SUBPROGRAM's
Limits   1200 s of silence; 8192 octets a line; one try
Runs as  root, for SUBPROGRAM is to become the user
Bugs     what a client says behind its password before it has the reply is lost, as with the original
Source   qmail-popup(8), qmail-popup.c, cr.yp.to/checkpwd/interface.html
"""

from __future__ import annotations

import fcntl
import os
import signal

from mta.net.pop3 import login
from mta.net.pop3.lines import Lines
from mta.net.pop3.state import CLASSIC, Check, Close, Login
from mta.net.pop3.stdio import Gone, Wire
from mta.unix import clock
from mta.unix.fds import Fds

USAGE = b"-ERR usage: popup hostname subprogram\r\n"
NO_PIPE = b"-ERR unable to open pipe\r\n"
NO_FORK = b"-ERR unable to fork\r\n"
CRASHED = b"-ERR aack, child crashed\r\n"

_DEFAULT_PATH = b"/bin:/usr/bin"
_ABOVE = 10  # descriptors out of the way of 0 to 3


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    wire = Wire(fds[0], fds[1])
    try:
        if len(argv) < 2:
            wire.say(USAGE)
        else:
            stamp = b"<%d.%d@%b>" % (os.getpid(), clock.now_s(), argv[0])
            _session(Login(CLASSIC, stamp), wire, argv[1:], env, fds)
        wire.flush()
    except (Gone, OSError):
        pass
    return 1


def _session(session: Login, wire: Wire, subprogram: list[bytes], env: dict[bytes, bytes], fds: Fds) -> None:
    lines = Lines(session.profile.line_max)
    wire.say(login.greet(session))
    while True:
        line = lines.next()
        if line is None:
            lines.feed(wire.read())
            continue
        session, reply, effect = login.command(session, line)
        wire.say(reply)
        if isinstance(effect, Close):
            return
        if isinstance(effect, Check):
            wire.flush()
            wire.say(_hand_over(b"%b\0%b\0%b\0" % (effect.name, effect.secret, session.banner), subprogram, env, fds))
            return


def _hand_over(record: bytes, subprogram: list[bytes], env: dict[bytes, bytes], fds: Fds) -> bytes:
    """Run the subprogram to its end -> what is left to be said: nothing after a session."""
    try:
        ours, theirs = _pipe()
    except OSError:
        return NO_PIPE
    try:
        pid = _spawn(subprogram, env, {0: fds[0], 1: fds[1], 2: fds[2], 3: theirs})
    except OSError as error:
        os.close(ours)
        return login.CLASSIC_FAILED if isinstance(error, FileNotFoundError | PermissionError) else NO_FORK
    finally:
        os.close(theirs)
    with open(ours, "wb", buffering=0) as pipe:
        try:
            pipe.write(record)  # far less than a pipe holds
        except BrokenPipeError:  # its exit code says the rest
            pass
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code < 0:
        return CRASHED
    return login.CLASSIC_FAILED if code else b""


def _pipe() -> tuple[int, int]:
    """-> (the end to write to, the end to read from), neither of them among the descriptors of the subprogram."""
    reading, writing = os.pipe()
    try:
        return tuple(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for fd in (writing, reading))  # type: ignore[return-value]
    finally:
        os.close(reading)
        os.close(writing)


def _spawn(argv: list[bytes], env: dict[bytes, bytes], fds: dict[int, int]) -> int:
    """-> process id. Raises OSError when there is no such program."""
    spare = {number: fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for number, fd in fds.items()}
    actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in spare.items()]
    error: OSError = FileNotFoundError()
    try:
        for path in _candidates(argv[0], env):
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


def _candidates(name: bytes, env: dict[bytes, bytes]) -> list[bytes]:
    if b"/" in name:
        return [name]
    return [os.path.join(folder or b".", name) for folder in env.get(b"PATH", _DEFAULT_PATH).split(b":")]
