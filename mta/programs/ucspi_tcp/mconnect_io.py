"""mconnect-io: be a terminal for a connection: lines go out with CR LF.

Usage    mconnect-io, behind tcpclient (mconnect does that)
Reads    fd 0 lines to send, fd 6 the network
Writes   fd 7 the network, each LF with a CR before it; fd 1 what came, as it came
Does     goes on until fd 6 ends, even when fd 0 has ended
Exits    0; 111 no process to be had
Source   mconnect(1), mconnect-io.c
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the C module: signal would load enum
import os

from mta.formats import crlf
from mta.unix import say
from mta.unix.fds import Fds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

NAME = b"mconnect-io"
_PIECE = 1 << 16


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    try:
        pid = os.fork()
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to fork", error)
    if pid == 0:
        try:
            _copy(fds, 0, 7, crlf.add_cr)
        finally:
            os._exit(0)
    _copy(fds, 6, 1, bytes)
    os.kill(pid, _signal.SIGTERM)
    os.waitpid(pid, 0)
    return 0


def _copy(fds: Fds, source: int, target: int, pass_: Callable[[bytes], bytes]) -> None:
    try:
        while piece := os.read(fds[source], _PIECE):
            fds.write(target, pass_(piece))
    except OSError:  # whichever side went away, there is nobody left to tell
        pass
