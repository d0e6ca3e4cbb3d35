"""The installed files, as far as deciding about an address needs them: what a reader has to offer (unix/installed is the one on disk).

Everything may raise OSError for a file that cannot be read and ValueError for one that is damaged; a missing file is None.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from mta.decisions import find_dotqmail
from mta.decisions.find_dotqmail import Candidate
from mta.formats import users_assign
from mta.formats.maildirsize import Quota, Usage
from mta.formats.users_assign import User
from mta.formats.vpasswd import Account


@dataclass(frozen=True, slots=True)
class DotQmail:
    data: bytes
    is_forward_only: bool = False  # the x bit is set


class Installed(Protocol):
    def control(self, name: str) -> bytes | None: ...

    def assign(self) -> bytes | None:
        """The text of users/assign, to name its lines."""

    def assigned(self, key: bytes) -> bytes | None:
        """Look-up in users/cdb; None for the empty key too when there is no users/cdb."""

    def system_user(self, local: bytes) -> User:
        """qmail-getpw's answer. Raises Temporary."""

    def dotqmail(self, home: bytes, name: bytes) -> DotQmail | None: ...

    def has_accounts(self, home: bytes) -> bool:
        """Is home the directory of a virtual domain?"""

    def account(self, home: bytes, name: bytes) -> Account | None:
        """Look-up in home/vpasswd.cdb."""

    def usage(self, account: Account) -> tuple[Quota, Usage] | None:
        """How full; None when nothing is known yet."""

    def vdelivermail(self) -> bytes:
        """Path of the program in .qmail-default lines."""


def find_user(installed: Installed, local: bytes) -> tuple[bytes | None, User]:
    """-> (the key of users/cdb that decides, None when qmail-getpw did; the user). Raises ValueError, OSError, Temporary."""
    if installed.assigned(b"") is not None:
        found = users_assign.find(installed.assigned, local)
        if found is not None:
            return found
    return None, installed.system_user(local)


def find_file(installed: Installed, user: User) -> Iterator[tuple[Candidate, DotQmail | None]]:
    """The .qmail files that are looked for, up to the one that exists."""
    for candidate in find_dotqmail.candidates(user.dash, user.ext):
        file = installed.dotqmail(user.home, candidate.name)
        yield candidate, file
        if file is not None:
            return
