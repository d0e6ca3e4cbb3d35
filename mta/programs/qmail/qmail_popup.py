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

import os

from mta.net.pop3 import login
from mta.net.pop3.lines import Lines
from mta.net.pop3.state import CLASSIC, Check, Close, Login
from mta.net.pop3.stdio import Gone, Wire
from mta.unix import checkpassword, clock
from mta.unix.fds import Fds

USAGE = b"-ERR usage: popup hostname subprogram\r\n"
NO_PIPE = b"-ERR unable to open pipe\r\n"
NO_FORK = b"-ERR unable to fork\r\n"
CRASHED = b"-ERR aack, child crashed\r\n"


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
            wire.say(_hand_over(checkpassword.record(effect.name, effect.secret, session.banner), subprogram, env, fds))
            return


def _hand_over(record: bytes, subprogram: list[bytes], env: dict[bytes, bytes], fds: Fds) -> bytes:
    """Run the subprogram to its end -> what is left to be said: nothing after a session."""
    try:
        code = checkpassword.run(subprogram, record, env, {n: fds[n] for n in (0, 1, 2)})
    except checkpassword.NoPipe:
        return NO_PIPE
    except OSError as error:
        return login.CLASSIC_FAILED if isinstance(error, FileNotFoundError | PermissionError) else NO_FORK
    if code < 0:
        return CRASHED
    return login.CLASSIC_FAILED if code else b""
