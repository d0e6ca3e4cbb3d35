"""mconnect: talk to a mail server by hand.

Usage    mconnect [HOST [PORT]]; HOST is this machine and PORT 25 where they are not said
Does     becomes tcpclient -RHl0 -- HOST PORT mconnect-io, both of bin/
Exits    as tcpclient; 111 it cannot be run
Source   mconnect(1), mconnect.sh
"""

from __future__ import annotations

from mta.unix import pathexec
from mta.unix.fds import Fds

NAME = b"mconnect"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    host = argv[0] if argv else b"0"
    port = argv[1] if len(argv) > 1 else b"25"
    folder = env[b"QMAIL_HOME"] + b"/bin/"
    return pathexec.chain(NAME, [folder + b"tcpclient", b"-RHl0", b"--", host, port, folder + b"mconnect-io"], env, fds, None)
