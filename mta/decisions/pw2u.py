"""qmail-pw2u's choice: which lines of users/assign an account of the system gets.

Account   skipped are uid 0; a name with a capital letter; one that users/include does not list, if that file exists; one that users/exclude
          lists; one whose home directory is not there or is not its own. Names in these files are compared without case.
Lines     "=NAME" and "+NAME-" for each of its mail names, which are those of users/mailnames, or its own; the user alias also gets "+",
          which is everything nobody else has
Example   ann:x:1001:101:Ann:/home/ann:/bin/sh -> b"=ann:ann:1001:101:/home/ann:::\\n+ann-:ann:1001:101:/home/ann:-::\\n"
Source    qmail-pw2u(8), qmail-pw2u.c
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from mta.formats import control
from mta.formats.todo import leading_number

ALIAS = b"alias"


class Homes(Enum):
    """What becomes of an account whose home directory is missing. One that belongs to somebody else always counts as none."""

    SKIP = "the account is skipped"
    STOP = "that is the end"
    IGNORE = "nobody looks"


class NoHome(Exception):
    """home: of the account that has none."""

    def __init__(self, home: bytes) -> None:
        super().__init__(home.decode("latin-1"))
        self.home = home


@dataclass(frozen=True, slots=True)
class Options:
    homes: Homes = Homes.SKIP
    takes_capitals: bool = False
    break_: bytes = b"-"  # between a name and its extensions; b"": there are none
    dash: bytes = b"-"


@dataclass(frozen=True, slots=True)
class Lists:
    """Of users/: include and exclude are lower-case names, None where the file is missing; mailnames name -> "name1:name2:..."."""

    include: frozenset[bytes] | None = None
    exclude: frozenset[bytes] | None = None
    mailnames: Mapping[bytes, bytes] = field(default_factory=dict)


def account(line: bytes, options: Options, lists: Lists, owner: Callable[[bytes], int | None]) -> tuple[bytes, bytes, bytes] | None:
    """One line of passwd without its newline -> (user, its fields ":USER:UID:GID:HOME:", its lines), None: it gets none.
    owner: the uid a directory belongs to, None when it is missing; what it raises passes through. Raises NoHome."""
    fields = line.split(b":", 6)
    if len(fields) < 7 or b"\0" in line:
        return None
    user, _, uid, gid, _, home, _ = fields
    if not _is_wanted(user, leading_number(uid), home, options, lists, owner):
        return None
    common = b":%b:%b:%b:%b:" % (user, uid, gid, home)
    everything = b"+%b%b::\n" % (common, options.dash) if user == ALIAS else b""
    names = lists.mailnames.get(control.lower(user), user)
    return user, common, everything + b"".join(_lines(name, common, options) for name in names.split(b":") if name)


def _is_wanted(user: bytes, uid: int, home: bytes, options: Options, lists: Lists, owner: Callable[[bytes], int | None]) -> bool:
    if not uid or (not options.takes_capitals and user != control.lower(user)):
        return False
    name = control.lower(user)
    if (lists.include is not None and name not in lists.include) or (lists.exclude is not None and name in lists.exclude):
        return False
    if options.homes is Homes.IGNORE:
        return True
    found = owner(home)
    if found is None and options.homes is Homes.STOP:
        raise NoHome(home)
    return found == uid


def _lines(name: bytes, common: bytes, options: Options) -> bytes:
    extensions = b"+%b%b%b%b::\n" % (name, options.break_, common, options.dash) if options.break_ else b""
    return b"=%b%b::\n" % (name, common) + extensions


def subuser(line: bytes, options: Options, find: Callable[[bytes], bytes]) -> bytes:
    """One line "sub:user:pre:" of users/subusers -> its lines; none when it has less than three colons. find: the fields of a user; what it
    raises passes through."""
    fields = line.split(b":", 3)
    if len(fields) < 3:
        return b""
    common = find(fields[1])
    if len(fields) < 4:
        return b""
    name, _, pre, _ = fields
    extensions = b"+%b%b%b%b:%b-:\n" % (name, options.break_, common, options.dash, pre) if options.break_ else b""
    return b"=%b%b%b:%b:\n" % (name, common, options.dash, pre) + extensions
