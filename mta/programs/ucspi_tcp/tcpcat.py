"""tcpcat: show what a server says of itself.

Usage    tcpcat [HOST [PORT]]; HOST is this machine and PORT 17 where they are not said
Does     becomes tcpclient -RHl0 -- HOST PORT sh -c 'exec cat <&6', tcpclient being that of bin/
Exits    as tcpclient; 111 it cannot be run
Source   tcpcat(1), tcpcat.sh
"""

from __future__ import annotations

from mta.unix import pathexec
from mta.unix.fds import Fds

NAME = b"tcpcat"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    host = argv[0] if argv else b"0"
    port = argv[1] if len(argv) > 1 else b"17"
    client = env[b"QMAIL_HOME"] + b"/bin/tcpclient"
    return pathexec.chain(NAME, [client, b"-RHl0", b"--", host, port, b"sh", b"-c", b"exec cat <&6"], env, fds, None)
