"""What vdelivermail does with a message for an address of a virtual domain.

Steps    1 vpasswd knows the user: a locked mailbox refuses; else the lines of the user's .qmail file, or, without one, his Maildir
         2 vpasswd does not: the instruction of the domain's .qmail-default line decides
Instructions   "bounce-no-mailbox"; "delete"; a directory: that mailbox gets it; anything with "@": forward there
User's .qmail  "#..." and empty lines say nothing; "|command"; "./path/" or "/path/" Maildir, counted from the mailbox's directory;
               "&address" or "address" forward. A path without its closing slash would be an mbox: a mistake, the message waits.
Source   vpopmail vdelivermail.c and README.vdelivermail
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum

from mta.decisions import quota
from mta.errors import Permanent, Temporary
from mta.formats import vpasswd
from mta.formats.dotqmail import Kind, Line

NO_MAILBOX = "Sorry, no mailbox here by that name. (#5.1.1)"
OVER_QUOTA = "user is over quota"
LOOPING = "mail is looping"
WARN_EVERY_S = 24 * 3600

_OPENING = b"''"
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@._/+=:%- \t'")


def instruction(command: bytes, program: bytes) -> bytes | None:
    """A command of a .qmail file -> the instruction, when all it does is to run the given vdelivermail. None: a shell must read it."""
    if not _PLAIN.issuperset(command):
        return None
    words = command.split()
    if len(words) != 3 or words[0] != program or words[1] != _OPENING or b"'" in words[2]:
        return None
    return words[2]


class CatchAll(Enum):
    BOUNCE = "bounce-no-mailbox"
    DELETE = "delete"
    MAILBOX = "directory"
    FORWARD = "address"


def catch_all(instruction_: bytes) -> CatchAll:
    """What becomes of mail for unknown users. Raises Temporary for an instruction nobody understands."""
    if instruction_ == b"bounce-no-mailbox":
        return CatchAll.BOUNCE
    if instruction_ == b"delete":
        return CatchAll.DELETE
    if instruction_.startswith(b"/"):
        return CatchAll.MAILBOX
    if b"@" in instruction_:
        return CatchAll.FORWARD
    raise Temporary(f"vdelivermail: no such instruction: {instruction_.decode('latin-1')}")


def check(account: vpasswd.Account, address: bytes) -> None:
    """Raises Permanent when the mailbox takes no mail."""
    if account.flags & vpasswd.BOUNCE_MAIL:
        raise Permanent(f"account is locked email bounced {address.decode('latin-1')}")


DEFAULT_LINES = (Line(1, Kind.MAILDIR, b"./Maildir/"),)
_ACTS = (Kind.MAILDIR, Kind.PROGRAM, Kind.FORWARD)


def steps(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines that do something, in order. Raises Temporary at one that may not stand in a mailbox's .qmail file."""
    for line in lines:
        if line.kind is Kind.MBOX:
            raise Temporary("vdelivermail: .qmail names a file that is no Maildir (its path must end in a slash)")
        if line.kind in _ACTS:
            yield line


def warns(percent: int | None, stamp_age_s: int | None) -> bool:
    """Is the user to be told now that the mailbox is nearly full? stamp_age_s: since he was told last, None: never."""
    return percent is not None and percent >= quota.WARN_PERCENT and (stamp_age_s is None or stamp_age_s >= WARN_EVERY_S)
