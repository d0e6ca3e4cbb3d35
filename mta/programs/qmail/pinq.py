"""pinq: read mail of a Maildir with pine, which knows only mboxes.

Usage    pinq [ARGUMENT ...], the arguments being pine's; MAILDIR, MAIL and MAILTMP in the environment
Does     what maildir2mbox does, then becomes pine, looked for in PATH
Exits    as maildir2mbox if that fails; as pine; 111 there is no pine
Runs as  the mailbox's user
Source   pinq(1) of qmail 1.03, pinq.sh
"""

from __future__ import annotations

import os

from mta import runner
from mta.unix import mail_reader
from mta.unix.fds import Fds


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    return mail_reader.start(b"pinq", b"pine", argv, env, fds, lambda: _move(env, fds))


def _move(env: dict[bytes, bytes], fds: Fds) -> int:
    before = os.umask(0o077)  # what maildir2mbox makes is nobody else's; the files of a mail reader are its own affair
    try:
        return runner.call("maildir2mbox", [], env, fds)
    finally:
        os.umask(before)
