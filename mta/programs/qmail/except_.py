"""except: turn what a program says into its opposite.

Usage    except PROGRAM [ARGUMENT ...], as a command in a dot-qmail file, mostly in front of bouncesaying's or condredirect's program
Reads    nothing itself; PROGRAM may read the message on fd 0
Exits    100 PROGRAM exited 0, or usage; 111 PROGRAM exited 111 or crashed; 0 everything else, a PROGRAM that cannot be run among it
Runs as  the user whose mail it is
Source   except(1), except.c
"""

from __future__ import annotations

from mta.errors import MailError
from mta.unix import inner
from mta.unix.fds import Fds


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if not argv:
        fds.say(b"except: usage: except program [ arg ... ]\n")
        return 100
    try:
        return 100 if inner.says_yes(argv, env, fds) else 0
    except MailError as error:
        fds.say(b"except: fatal: %b\n" % error.text.encode())
        return error.exit
