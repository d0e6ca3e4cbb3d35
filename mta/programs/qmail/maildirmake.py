"""maildirmake: make a Maildir.

Usage    maildirmake DIRECTORY
Writes   DIRECTORY and in it tmp, new, cur, mode 0700
Exits    0 made; 100 usage; 111 something could not be made: what was made before stays
Runs as  the mailbox's user
Source   maildirmake(1), maildir(5)
"""

from __future__ import annotations

import os

from mta.formats.error_str import error_str
from mta.unix.fds import Fds


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if not argv:
        fds.say(b"maildirmake: usage: maildirmake name\n")
        return 100
    for part in (b"", b"/tmp", b"/new", b"/cur"):
        path = argv[0] + part
        try:
            os.mkdir(path, 0o700)
        except OSError as error:
            fds.say(b"maildirmake: fatal: unable to mkdir %b: %b\n" % (path, error_str(error.errno).encode()))
            return 111
    return 0


def guard() -> None:
    """In a process of our own: no mask of the caller's may take rights from the owner, or give any to others."""
    os.umask(0o077)
