"""qail: read mail of a Maildir with Mail, which knows only mboxes.

Usage    qail [ARGUMENT ...], the arguments being Mail's; MAILDIR, MAIL and MAILTMP in the environment
Does     what maildir2mbox does, then becomes Mail, looked for in PATH
Exits    as maildir2mbox if that fails; as Mail; 111 there is no Mail
Runs as  the mailbox's user
Source   qail(1) of qmail 1.03, qail.sh
"""

from __future__ import annotations

import os

from mta import runner
from mta.unix import mail_reader
from mta.unix.fds import Fds


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    return mail_reader.start(b"qail", b"Mail", argv, env, fds, lambda: _move(env, fds))


def _move(env: dict[bytes, bytes], fds: Fds) -> int:
    before = os.umask(0o077)  # what maildir2mbox makes is nobody else's; the files of a mail reader are its own affair
    try:
        return runner.call("maildir2mbox", [], env, fds)
    finally:
        os.umask(before)
