"""domains/D/vpasswd and vpasswd.cdb: the mailboxes of a virtual domain.

Lines    "name:crypt:uid:gid:gecos:dir:quota", with ":clear" after it where clear-text passwords were kept. uid is 1 (POP) or 2
         (APOP); gid is a mask of what the mailbox may NOT do (FLAGS), not a group.
Example  b"joe:$6$abcdefgh$...:1:0:Joe User:/var/qmail/domains/example.org/joe:NOQUOTA\\n"
cdb      key name; data the rest of the line after the first colon, without the newline.
Limits   name 64 octets, crypt 128, gecos 64, dir 160, quota 20
Written  by the control installer under .vpasswd.lock.   Read by vdelivermail, the login broker, vmaild.
Crash    both files are replaced whole, vpasswd first: vpasswd.cdb can always be made again from it (vmkpasswd).
Source   vpopmail vpopmail.h and vcdb.c
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from mta.formats import cdb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    _T = TypeVar("_T")

ReadAt = Callable[[int, int], bytes]
_PIECE = 1 << 18

NO_PASSWORD_CHANGE, NO_POP, NO_WEBMAIL, NO_IMAP = 0x1, 0x2, 0x4, 0x8
BOUNCE_MAIL, NO_RELAY, NO_SMTP, OVERRIDE = 0x10, 0x20, 0x800, 0x2000

NAME_MAX, CRYPT_MAX, GECOS_MAX, DIR_MAX, QUOTA_MAX = 64, 128, 64, 160, 20
# vpopmail's table of bytes valid in a user name, less "/" (it would be a path) and capitals (names are stored in lower case).
NAME_BYTES = frozenset((33, 35, 36, 38, 39, 42, 43, 45, 46, *range(48, 58), 61, 63, *range(94, 127)))
# a line as write_line gives it: name, data
_PLAIN = re.compile(rb"([^:\n\0]+):([^:\n\0]*:(?:0|[1-9][0-9]{0,9}):(?:0|[1-9][0-9]{0,9}):[^:\n\0]*:[^:\n\0]*:[^:\n\0]*(?::[^\n\0]*)?)")


@dataclass(frozen=True, slots=True)
class Account:
    name: bytes
    crypt: bytes  # crypt(3) hash; b"" locks the account
    uid: int
    flags: int  # the gid field
    gecos: bytes
    dir: bytes
    quota: bytes
    clear: bytes | None = None  # None: the line has no such field


class BadLine(ValueError):
    """number: of the line, counted from 1."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(f"line {number}: {text}")
        self.number = number


def read(data: bytes) -> list[Account]:
    """Accounts in order. Raises BadLine."""
    return list(_numbered(data, read_line))


def _numbered(data: bytes, read_one: Callable[[bytes], _T]) -> Iterator[_T]:
    """What read_one makes of each line. Raises BadLine where it raises ValueError."""
    rows = data.split(b"\n")
    if rows[-1]:
        raise BadLine(len(rows), "the last line has no newline")
    for number, row in enumerate(rows[:-1], 1):
        try:
            yield read_one(row)
        except ValueError as error:
            raise BadLine(number, str(error)) from error


def read_line(row: bytes) -> Account:
    """One line without its newline. Raises ValueError."""
    name, colon, rest = row.partition(b":")
    if not colon or not name or b"\0" in row:
        raise ValueError("not name:crypt:uid:gid:gecos:dir:quota")
    return read_data(name, rest)


def read_data(name: bytes, data: bytes) -> Account:
    """Key and data of vpasswd.cdb -> Account. Raises ValueError."""
    fields = data.split(b":", 6)
    if len(fields) < 6:
        raise ValueError("not name:crypt:uid:gid:gecos:dir:quota")
    if not fields[1].isdigit() or not fields[2].isdigit():
        raise ValueError("uid and gid must be numbers")
    return Account(name, fields[0], int(fields[1]), int(fields[2]), fields[3], fields[4], fields[5], fields[6] if len(fields) > 6 else None)


def write_line(account: Account) -> bytes:
    return b"%b:%b\n" % (account.name, write_data(account))


def write_data(a: Account) -> bytes:
    """Raises ValueError when a field holds a byte that would break the line."""
    fields = [a.crypt, b"%d" % a.uid, b"%d" % a.flags, a.gecos, a.dir, a.quota]
    for field in (a.name, *fields):
        if b":" in field or b"\n" in field or b"\0" in field:
            raise ValueError("colon, newline or NUL in a field of vpasswd")
    if a.clear is not None:
        if b"\n" in a.clear or b"\0" in a.clear:
            raise ValueError("newline or NUL in a field of vpasswd")
        fields.append(a.clear)
    return b":".join(fields)


def write(accounts: list[Account]) -> bytes:
    return b"".join(map(write_line, accounts))


def compile_(data: bytes) -> bytes:
    """vpasswd -> vpasswd.cdb. Raises BadLine."""
    return cdb.write(_numbered(data, record))


def record(row: bytes) -> tuple[bytes, bytes]:
    """One line without its newline -> key and data of vpasswd.cdb: those of read_line and write_data, in a quarter of the time. Raises
    ValueError."""
    found = _PLAIN.fullmatch(row)
    if found is not None:
        return found[1], found[2]
    account = read_line(row)  # says what is wrong, and writes numbers as we do
    return account.name, write_data(account)


def find(read_at: ReadAt, size: int, name: bytes) -> range:
    """Where in a file of that size the line of that name stands, its newline included; nowhere: at the end of the file. read_at as in
    formats/cdb."""
    start, wanted = 0, name + b":"
    if read_at(len(wanted), 0) != wanted:
        before = _find(read_at, size, b"\n" + wanted, 0)
        if before == size:
            return range(size, size)
        start = before + 1
    return range(start, min(_find(read_at, size, b"\n", start) + 1, size))


def _find(read_at: ReadAt, size: int, wanted: bytes, start: int) -> int:
    """In pieces: no copy of the whole is made. -> size when it is not there."""
    for at in range(start, size, _PIECE):
        found = read_at(_PIECE + len(wanted) - 1, at).find(wanted)
        if found >= 0:
            return at + found
    return size


def edited(line: bytes, place: range, size: int) -> list[bytes | range]:
    """vpasswd with that line, newline included, in the place that find() gave; b"": without. -> pieces of the new file; a range: these
    octets of the old one."""
    return [range(place.start), line, range(place.stop, size)]


def recompiled(read_at: ReadAt, size: int, name: bytes, line: bytes) -> list[bytes | range]:
    """The same for vpasswd.cdb, without compiling the rest again. Raises ValueError."""
    return cdb.edited(read_at, size, name, record(line.removesuffix(b"\n"))[1] if line else None)


def compiled_size(read_at: ReadAt, size: int) -> int:
    """How large the vpasswd was that this vpasswd.cdb was made from, if it was one as we write it. Raises ValueError on a damaged file."""
    number, octets = cdb.extent(read_at, size)
    return octets - number * 6  # two lengths of 4 octets in the place of a colon and a newline


def valid_name(name: bytes) -> bool:
    """May a new mailbox be called so? Lower case, no path, no colon, comma, percent or at sign."""
    return 0 < len(name) <= NAME_MAX and NAME_BYTES.issuperset(name) and not name.startswith((b".", b"-"))


def with_crypt(account: Account, crypt: bytes) -> Account:
    """The account with another password; a clear-text copy is forgotten."""
    return replace(account, crypt=crypt, clear=None if account.clear is None else b"")
