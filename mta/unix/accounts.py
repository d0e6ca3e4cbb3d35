"""Which user ids the parts of the mail system run as, looked up by name at start, and how a process becomes one of them.

An instance installed as root uses qmail's eight users, vpopmail's and our two (deploy/users makes them). An instance that was prepared
without root belongs to one user who is all of them: then alias/ and queue/ have the same owner, and that is how it is known.
Limits   a process that gives up its rights gives up its supplementary groups first and can never take them back; uid 0 is refused.
Source   qmail-users in INSTALL.ids, prot.c, DESIGN 4
"""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass

from mta.errors import Temporary

USERS = ("alias", "qmaild", "qmaill", "qmailp", "qmailq", "qmailr", "qmails")
VPOPMAIL, VCHKPW = "vpopmail", "vchkpw"  # owner of the virtual mailboxes
TAWNY = "tawny"  # control plane: webadmin, celery
TAWNYD = "tawnyd"  # network fronts before login: pop3d, web
ALL_USERS = (*USERS, VPOPMAIL, TAWNY, TAWNYD)
GROUPS = ("qmail", "nofiles")


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Accounts:
    is_single: bool  # one user for everything
    by_name: dict[str, Account]

    def __getitem__(self, name: str) -> Account:
        return self.by_name[name]


def load(home: bytes) -> Accounts:
    """home: the instance. Raises Temporary, naming a missing user or the unreadable queue."""
    owner = single(home)
    if owner is not None:
        return Accounts(True, {n: Account(n, owner.uid, owner.gid) for n in ALL_USERS})
    return Accounts(False, {n: lookup(n) for n in ALL_USERS})


def single(home: bytes) -> Account | None:
    """The one user (and the group) of an instance prepared without root; None when it has qmail's users. Raises Temporary."""
    try:
        queue, alias = os.stat(home + b"/queue"), os.stat(home + b"/alias")
    except OSError as error:
        raise Temporary(f"unable to look at {os.fsdecode(error.filename)}: {error.strerror}") from error
    return Account("alias", queue.st_uid, queue.st_gid) if queue.st_uid == alias.st_uid else None


def lookup(name: str) -> Account:
    """Raises Temporary when there is no such user."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise Temporary(f"unable to find user {name}") from None
    return Account(name, entry.pw_uid, entry.pw_gid)


def groups_of(account: Account) -> tuple[int, ...]:
    """Its group and those it is a member of."""
    try:
        return tuple(os.getgrouplist(pwd.getpwuid(account.uid).pw_name, account.gid))
    except KeyError:  # a number without a name, in a container
        return (account.gid,)


def missing() -> list[str]:
    """Users and groups an installation as root needs and does not have yet."""
    users = [n for n in ALL_USERS if not _has(pwd.getpwnam, n)]
    groups = [n for n in (*GROUPS, VCHKPW) if not _has(grp.getgrnam, n)]
    return groups + users


def _has(find: object, name: str) -> bool:
    try:
        find(name)  # type: ignore[operator]
    except KeyError:
        return False
    return True


def become(account: Account, groups: tuple[int, ...] = ()) -> None:
    """Give up root for this account, for good. Without root: only check that we are that user already. Raises Temporary."""
    if account.uid != os.geteuid():
        drop(account.uid, account.gid, groups)


def drop(uid: int, gid: int, groups: tuple[int, ...] = ()) -> None:
    """become() for a bare uid and gid, as users/assign names them."""
    if os.geteuid() != 0:
        if uid != os.geteuid():
            raise Temporary(f"only root can become uid {uid}")
        return
    if uid == 0:
        raise Temporary("refusing to run as root")
    os.setgroups(list(groups) or [gid])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
