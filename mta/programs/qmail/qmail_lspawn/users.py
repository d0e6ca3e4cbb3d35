"""Who answers for a local address: users/cdb, or what qmail-getpw says.

Source   qmail-lspawn.c nughde_get, qmail-users(5)
"""

from __future__ import annotations

import os

from mta.formats import users_assign
from mta.formats.users_assign import User
from mta.unix.cdbfile import CdbFile, Fresh

# Exit codes by which the original's child tells what went wrong (decisions/spawn_report knows their words).
BUG, ROOT, CDB_TROUBLE, SYSTEM_TROUBLE = 112, 113, 117, 118
_FIELDS = 6
_FOUND_MAX = 10_000


class Trouble(Exception):
    """exit: what the original's child would have exited with."""

    def __init__(self, exit_: int) -> None:
        super().__init__(exit_)
        self.exit = exit_


class Users:
    """home: the instance. What was looked up is remembered for as long as the database stays the same one."""

    def __init__(self, home: bytes) -> None:
        self._cdb = Fresh(os.path.join(home, b"users/cdb"))
        self._file: CdbFile | None = None
        self._trouble: OSError | None = None
        self._found: dict[bytes, User] = {}
        self.look_again()

    def look_again(self) -> None:
        """Once before the commands that came together: has the database been replaced?"""
        before, self._trouble = self._file, None
        try:
            self._file = self._cdb.file()
        except OSError as error:
            self._trouble = error
        if self._file is not before or len(self._found) >= _FOUND_MAX:
            self._found.clear()

    def assigned(self, local: bytes) -> User | None:
        """None: ask qmail-getpw. Raises Trouble when the database cannot be read or is damaged."""
        user = self._found.get(local)
        if user is not None and self._trouble is None:
            return user
        try:
            if self._trouble is not None:
                raise self._trouble
            found = None if self._file is None else users_assign.find(self._file.get, local)
        except (OSError, ValueError) as error:
            raise Trouble(CDB_TROUBLE) from error
        if found is None:
            return None
        self._found[local] = found[1]
        return found[1]


def answered(exit_: int, output: bytes) -> User:
    """What qmail-getpw ended with -> the user. Raises Trouble."""
    if exit_:
        raise Trouble(exit_ if exit_ > 0 else SYSTEM_TROUBLE)
    if output.count(b"\0") < _FIELDS:
        raise Trouble(BUG)
    return users_assign.read_user(output)
