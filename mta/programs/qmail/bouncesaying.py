"""bouncesaying: refuse the message in words of one's own, perhaps only if a program says yes.

Usage    bouncesaying TEXT [PROGRAM [ARGUMENT ...]], as a command in a dot-qmail file
Reads    nothing itself; PROGRAM may read the message on fd 0
Writes   TEXT to fd 2, from where it gets into the bounce
Exits    100 refused, or usage; 0 PROGRAM did not exit 0, or cannot be run: the dot-qmail file goes on; 111 PROGRAM exited 111 or crashed
Runs as  the user whose mail it is
Source   bouncesaying(1), bouncesaying.c
"""

from __future__ import annotations

from mta.errors import MailError
from mta.unix import inner
from mta.unix.fds import Fds

REFUSED = 100


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if not argv:
        fds.say(b"bouncesaying: usage: bouncesaying error [ program [ arg ... ] ]\n")
        return 100
    text, *program = argv
    try:
        if program and not inner.says_yes(program, env, fds):
            return 0
    except MailError as error:
        fds.say(b"bouncesaying: fatal: %b\n" % error.text.encode())
        return error.exit
    fds.say(text + b"\n")
    return REFUSED
