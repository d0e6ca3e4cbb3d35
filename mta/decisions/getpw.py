"""qmail-getpw's choice: which system user answers for a local address that users/assign does not know.

The whole address is tried as a user's name, then every beginning of it that ends before a "-", longest first; names are looked up in lower
case. A user counts who is not root and owns his home directory. Nobody: the alias user, with "-" and the address as extension.
Example  Joe-Ext-Two: joe-ext-two, joe-ext, joe; found joe: DASH "-", EXT "Ext-Two"
Limits   names of 31 octets at most
Source   qmail-getpw(8), qmail-getpw.c
"""

from __future__ import annotations

from mta.formats.users_assign import User

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME_MAX = 31
BREAK = b"-"
ALIAS = b"alias"  # that of this instance, wherever the system's user of that name is at home


def candidates(local: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """-> (name to look up, dash, extension), in the order in which they are tried."""
    end = len(local)
    while end > 0:
        if end <= NAME_MAX:
            rest = local[end:]
            yield local[:end].lower(), rest[:1], rest[1:]
        end = local.rfind(BREAK, 0, end)


def find(local: bytes, lookup: Callable[[bytes], User | None], alias: Callable[[], User]) -> User:
    """lookup: the user of that name if he counts (dash and ext left empty); alias: the alias user. What they raise passes through."""
    for name, dash, ext in candidates(local):
        user = alias() if name == ALIAS else lookup(name)
        if user is not None:
            return User(user.user, user.uid, user.gid, user.home, dash, ext)
    user = alias()
    return User(user.user, user.uid, user.gid, user.home, BREAK, local)
