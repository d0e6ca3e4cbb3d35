"""users/assign and users/cdb: which user answers for which local address.

Lines    "=LOCAL:USER:UID:GID:HOME:DASH:EXT:"  exactly LOCAL
         "+LOC:USER:UID:GID:HOME:DASH:PRE:"    every address that begins with LOC; the rest is appended to PRE
         "."                                   the end; what follows is ignored
Example  b"+example.org-:example.org:89:89:/var/qmail/domains/example.org:-::\\n.\\n"
cdb      "!" local NUL (exact) or "!" loc (wildcard), lower case -> USER NUL UID NUL GID NUL HOME NUL DASH NUL EXT; last the
         empty key -> the distinct last bytes of all wildcards, which tell readers how long a prefix is worth a look-up.
Crash    users/cdb is replaced whole; without it qmail-lspawn asks qmail-getpw.
Source   qmail-users(5), qmail-newu.c, qmail-lspawn.c nughde_get
"""

from __future__ import annotations

from dataclasses import dataclass

from mta.formats import cdb, control
from mta.formats.todo import leading_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_COLONS = 7
_SEPARATORS = (b":", b"\n", b"\0")


@dataclass(frozen=True, slots=True)
class User:
    """Who takes a delivery: the controlling user and the name under which its .qmail file is looked for."""

    user: bytes
    uid: int
    gid: int
    home: bytes
    dash: bytes
    ext: bytes


@dataclass(frozen=True, slots=True)
class Assignment:
    is_wildcard: bool
    local: bytes
    user: User


class BadLine(ValueError):
    """number: of the line, counted from 1; 0 when the closing "." is missing."""

    def __init__(self, number: int) -> None:
        super().__init__(f"bad format in users/assign (line {number})" if number else 'users/assign does not end in a line "."')
        self.number = number


def read(data: bytes) -> list[Assignment]:
    """Assignments in order. Raises BadLine."""
    return [_assignment(local, value) for local, value in _lines(data)]


def _lines(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """-> (sign and local part, the six fields joined by NUL)."""
    lines = data.split(b"\n")
    for number, line in enumerate(lines, 1):
        if line[:1] == b".":
            return
        fields = line.split(b":", _COLONS)
        if number == len(lines):  # it has no newline, or is not there at all
            raise BadLine(number if line else 0)
        if len(fields) <= _COLONS or not fields[0] or b"\0" in line:
            raise BadLine(number)
        yield fields[0], b"\0".join(fields[1:_COLONS])


def _assignment(local: bytes, value: bytes) -> Assignment:
    return Assignment(local[:1] == b"+", local[1:], read_user(value))


def write_line(assignment: Assignment) -> bytes:
    """Raises ValueError when a field holds what would end it, or the line."""
    u = assignment.user
    if any(byte in field for byte in _SEPARATORS for field in (assignment.local, u.user, u.home, u.dash, u.ext)):
        raise ValueError("colon, newline or NUL in a field of users/assign")
    sign = b"+" if assignment.is_wildcard else b"="
    return b"%b%b:%b:%d:%d:%b:%b:%b:\n" % (sign, assignment.local, u.user, u.uid, u.gid, u.home, u.dash, u.ext)


def write(assignments: list[Assignment]) -> bytes:
    return b"".join(map(write_line, assignments)) + b".\n"


def read_user(data: bytes) -> User:
    """The data of a record -> User. Raises ValueError when a field is missing."""
    fields = data.split(b"\0")
    if len(fields) < 6:
        raise ValueError("users/cdb record cut short")
    return User(fields[0], leading_number(fields[1]), leading_number(fields[2]), fields[3], fields[4], fields[5])


def compile_(data: bytes) -> bytes:
    """users/assign -> users/cdb, as qmail-newu writes it, but with wildcards folded to lower case before their last byte is
    noted: the original never finds a wildcard that ends in a capital letter (docs/quirks.md). Raises BadLine."""
    wildcard_ends: dict[int, None] = {}
    records = []
    for local, value in _lines(data):
        name = b"!" + control.lower(local[1:])
        if local[:1] == b"+":
            records.append((name, value))
            if len(name) > 1:
                wildcard_ends[name[-1]] = None
        else:
            records.append((name + b"\0", value))
    records.append((b"", bytes(wildcard_ends)))
    return cdb.write(records)


def find(get: Callable[[bytes], bytes | None], local: bytes) -> tuple[bytes, User] | None:
    """get: look-up in users/cdb. -> (the key that decides, the user with the extension filled in), or None: ask qmail-getpw.
    The longest wildcard wins. Raises ValueError when the database is damaged."""
    wildcard_ends = get(b"")
    if wildcard_ends is None:
        raise ValueError("users/cdb has no record of its wildcards")
    name = b"!" + control.lower(local)
    data = get(name + b"\0")
    if data is not None:
        return name + b"\0", read_user(data)
    for end in range(len(name), 0, -1):
        if end == 1 or name[end - 1] in wildcard_ends:
            data = get(name[:end])
            if data is not None:
                return name[:end], _extended(read_user(data), local[end - 1 :])
    return None


def _extended(user: User, rest: bytes) -> User:
    return User(user.user, user.uid, user.gid, user.home, user.dash, user.ext + rest)
