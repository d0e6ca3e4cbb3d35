"""fixcrio: put a CR before the end of each line that has none, between a network program and its client.

Usage    fixcrio PROGRAM [ARGUMENT ...], behind tcpserver
Does     starts a copying child and becomes PROGRAM, looked for in PATH, between the two (unix/two_way); CR LF passes as it is
Exits    as PROGRAM; 100 usage; 111 no pipe, no process, or PROGRAM cannot be run
Source   fixcrio(1), fixcrio.c
"""

from __future__ import annotations

from mta.formats import crlf
from mta.unix import say, two_way
from mta.unix.fds import Fds

NAME = b"fixcrio"
_PIECE = 2048  # twice that, when every octet is a LF, is what a pipe takes at once


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if not argv:
        return say.usage(fds, NAME, b"fixcrio program [ arg ... ]")
    return two_way.become(NAME, argv, env, fds, (crlf.FixCr().take, crlf.FixCr().take), _PIECE)
