"""mailquotacheck: refuse a message that a mailbox has no room for.

Usage    mailquotacheck QUOTA [MAILBOX ...], as the first command of a dot-qmail file. QUOTA: formats/quota_text, such as 10M or 50MS,1000C.
         MAILBOX: where deliveries go; one that ends in "/" is a Maildir (unix/maildir_count), another a file. ./Maildir/ without it
Reads    the size of the message on fd 0, the mailboxes; no file of the user's says how much there may be
Writes   fd 2 what the sender is told
Exits    0 there is room: the dot-qmail file goes on; 100 there is none; 111 usage, or a mailbox cannot be read: the mail waits
Limits   a mailbox that is not there is empty. Messages that come at the same moment may go over the quota together
Runs as  the user whose mail it is
Source   qmail-command(8)
"""

from __future__ import annotations

import os
import stat

from mta.formats import quota_text
from mta.unix import maildir_count, say
from mta.unix.fds import Fds

NAME = b"mailquotacheck"
FULL = 100
_DEFAULT = b"./Maildir/"
_TEXT = b"The mailbox of this user is full: your message of %d bytes does not fit. (#5.2.2)\n"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if not argv:
        return _misused(fds)
    try:
        quota = quota_text.read(argv[0])
    except ValueError:
        return _misused(fds)
    try:
        size = os.fstat(fds[0]).st_size
        held = [_held(path) for path in argv[1:] or [_DEFAULT]]
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to read " + os.fsencode(error.filename or b"the message"), error)
    octets, messages = sum(of[0] for of in held) + size, sum(of[1] for of in held) + 1
    if (quota[0] and octets > quota[0]) or (quota[1] and messages > quota[1]):
        fds.say(_TEXT % size)
        return FULL
    return 0


def _misused(fds: Fds) -> int:
    """A line that is wrong must not cost mail."""
    say.usage(fds, NAME, b"mailquotacheck quota [ mailbox ... ]")
    return 111


def _held(path: bytes) -> tuple[int, int]:
    """-> (octets, messages); of a file only the octets are known. Raises OSError."""
    try:
        if path.endswith(b"/"):
            return maildir_count.count(maildir_count.folders(path.rstrip(b"/") or b"/"))
        found = os.stat(path)
    except FileNotFoundError:
        return 0, 0
    return (found.st_size, 0) if stat.S_ISREG(found.st_mode) else (0, 0)
