"""qmail-pop3d: serve one Maildir by POP3 on descriptors 0 and 1 to a client that has logged in, as checkpassword starts it.

Usage    qmail-pop3d MAILDIR, the working directory being the user's home
Reads    fd 0 the client; MAILDIR/new, MAILDIR/cur; environment POP3_PROFILE: "rfc" asks for the session our own server gives (CAPA, sizes
         as sent, STAT without deleted messages, new mail at once, no empty line at the end of messages) instead of the original's
Writes   fd 1 the replies; at QUIT removes what was deleted and moves what is left in new to cur; MAILDIR/maildirsize, where there is one;
         with "rfc" MAILDIR/tawny-pop3-list; removes files older than 36 hours from MAILDIR/tmp
Exits    0 however the session ended; 1 when started as root
Limits   1200 s of silence; nothing is deleted without QUIT
Runs as  the user whose mail it is
Source   qmail-pop3d(8), qmail-pop3d.c
"""

from __future__ import annotations

import os

from mta.net.pop3 import mailbox, stdio, verbs
from mta.net.pop3.state import CLASSIC, RFC
from mta.unix import clock
from mta.unix.fds import Fds


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if os.geteuid() == 0:
        fds.say(b"qmail-pop3d invoked as uid 0, terminating\n")
        return 1
    return serve(argv, env, fds)


def serve(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    profile = RFC if env.get(b"POP3_PROFILE") == b"rfc" else CLASSIC
    try:
        if not argv or not os.path.isdir(argv[0]):
            fds.write(1, verbs.NO_MAILDIR)
            return 0
        try:
            box = mailbox.open_(argv[0], profile, clock.now_s())
        except OSError:
            fds.write(1, verbs.NOT_SCANNED)
            return 0
    except OSError:  # nobody is there to be told
        return 0
    stdio.serve(profile, box, stdio.Wire(fds[0], fds[1]))
    return 0
