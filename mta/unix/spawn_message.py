"""The message a spawner was told to deliver: checked by name, opened, checked by type and owner. For qmail-lspawn and qmail-rspawn.

Source   spawn.c docmd
"""

from __future__ import annotations

import os
import stat

from mta.errors import PERMANENT, TEMPORARY
from mta.formats import spawn
from mta.formats.spawn import Command


class Refused(Exception):
    """The report to give at once. letter: Z or D."""

    def __init__(self, letter: bytes, text: bytes) -> None:
        super().__init__(letter + text)
        self.letter = letter
        self.text = text


def check(command: Command) -> None:
    """What can be said without looking at the disk. Raises Refused."""
    trouble = spawn.message_trouble(command.message)
    if trouble is not None:
        raise Refused(PERMANENT, trouble)
    if b"@" not in command.recipient:
        raise Refused(PERMANENT, b"Sorry, address must include host name. (#5.1.3)\n")


def open_(mess: bytes, command: Command, owner: int) -> tuple[int, int]:
    """-> (a descriptor at the beginning of the message, its mtime in ns). mess: the folder queue/mess; owner: qmailq's uid. Raises
    Refused."""
    check(command)
    try:
        fd = os.open(b"%b/%b" % (mess, command.message), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        raise Refused(TEMPORARY, b"qmail-spawn unable to open message. (#4.3.0)\n") from None
    try:
        st = os.fstat(fd)
        _check_file(st, owner)
    except OSError:
        os.close(fd)
        raise Refused(TEMPORARY, b"qmail-spawn unable to fstat message. (#4.3.0)\n") from None
    except BaseException:
        os.close(fd)
        raise
    return fd, st.st_mtime_ns


def _check_file(st: os.stat_result, owner: int) -> None:
    if not stat.S_ISREG(st.st_mode):
        raise Refused(TEMPORARY, b"Sorry, message has wrong type. (#4.3.5)\n")
    if st.st_uid != owner:
        raise Refused(TEMPORARY, b"Sorry, message has wrong owner. (#4.3.5)\n")
