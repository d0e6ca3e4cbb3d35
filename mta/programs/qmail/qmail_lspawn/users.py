"""Who answers for a local address: users/cdb, or what qmail-getpw says.

Source   qmail-lspawn.c nughde_get, qmail-users(5)
"""

from __future__ import annotations

import os

from mta.formats import users_assign
from mta.formats.users_assign import User
from mta.unix.cdbfile import Fresh

# Exit codes by which the original's child tells what went wrong (decisions/spawn_report knows their words).
BUG, ROOT, CDB_TROUBLE, SYSTEM_TROUBLE = 112, 113, 117, 118
_FIELDS = 6


class Trouble(Exception):
    """exit: what the original's child would have exited with."""

    def __init__(self, exit_: int) -> None:
        super().__init__(exit_)
        self.exit = exit_


class Users:
    """home: the instance."""

    def __init__(self, home: bytes) -> None:
        self._cdb = Fresh(os.path.join(home, b"users/cdb"))

    def assigned(self, local: bytes) -> User | None:
        """None: ask qmail-getpw. Raises Trouble when the database cannot be read or is damaged."""
        try:
            file = self._cdb.file()
            found = None if file is None else users_assign.find(file.get, local)
        except (OSError, ValueError) as error:
            raise Trouble(CDB_TROUBLE) from error
        return None if found is None else found[1]


def answered(exit_: int, output: bytes) -> User:
    """What qmail-getpw ended with -> the user. Raises Trouble."""
    if exit_:
        raise Trouble(exit_ if exit_ > 0 else SYSTEM_TROUBLE)
    if output.count(b"\0") < _FIELDS:
        raise Trouble(BUG)
    return users_assign.read_user(output)
