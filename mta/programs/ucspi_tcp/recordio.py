"""recordio: show what a network program and its client say to each other.

Usage    recordio PROGRAM [ARGUMENT ...], behind tcpserver
Writes   fd 2, for each piece from the client "PID < DATA " and for each to it "PID > DATA ", or "+" for the last blank when the piece did
         not end with a line; at the ends "PID < [EOF]", "PID > [EOF]". PID is that of PROGRAM. Passwords are shown like everything else
Does     starts a copying child and becomes PROGRAM, looked for in PATH, between the two (unix/two_way)
Exits    as PROGRAM; 100 usage; 111 no pipe, no process, or PROGRAM cannot be run
Limits   256 octets a piece
Source   recordio(1), recordio.c
"""

from __future__ import annotations

import os

from mta.unix import say, two_way
from mta.unix.fds import Fds

NAME = b"recordio"
_PIECE = 256


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if not argv:
        return say.usage(fds, NAME, b"recordio program [ arg ... ]")
    pid = os.getpid()

    def from_client(piece: bytes) -> bytes:
        fds.say(shown(b"%d < " % pid, piece))
        return piece

    def to_client(piece: bytes) -> bytes:
        fds.say(shown(b"%d > " % pid, piece))
        return piece

    return two_way.become(NAME, argv, env, fds, (from_client, to_client), _PIECE)


def shown(head: bytes, piece: bytes) -> bytes:
    """The lines that tell of one piece; an empty one is the end."""
    if not piece:
        return head + b"[EOF]\n"
    *lines, rest = piece.split(b"\n")
    found = [b"%b%b \n" % (head, line) for line in lines]
    if rest:
        found.append(b"%b%b+\n" % (head, rest))
    return b"".join(found)
