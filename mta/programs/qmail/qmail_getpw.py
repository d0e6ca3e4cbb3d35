"""qmail-getpw: find the system user that answers for a local address.

Usage    qmail-getpw LOCAL
Reads    the system's users; the owners of their home directories
Writes   USER UID GID HOME DASH EXT to fd 1, each with a NUL behind it
Exits    0 found; 100 usage; 111 try again; 115 a home directory does not answer; 116 no alias user; 118 the user database does not answer
Limits   alias is at home in alias/ of the instance, whatever the user database says: a second instance has its own. An instance prepared
         without root belongs to one user: only that user is found, and alias is that user too
Runs as  qmailp: it asks directories of users, which may lie on other machines, and shall have nothing to lose
Source   qmail-getpw(8), qmail-getpw.c
"""

from __future__ import annotations

import ctypes
import errno
import os
import pwd

from mta.decisions import getpw
from mta.formats.error_str import is_temporary
from mta.formats.users_assign import User
from mta.unix import accounts
from mta.unix.fds import Fds

USAGE, NO_HOME, NO_ALIAS, NO_DATABASE = 100, 115, 116, 118

_NOT_FOUND = (0, errno.ENOENT, errno.ESRCH, errno.EBADF, errno.EPERM)  # getpwnam_r(3), for a name that is not there
_ENTRY_MAX, _STRINGS_MAX = 256, 1 << 20


class _Trouble(Exception):
    def __init__(self, exit_: int) -> None:
        super().__init__(exit_)
        self.exit = exit_


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if not argv:
        return USAGE
    home = env[b"QMAIL_HOME"]
    owner = accounts.single(home)
    try:
        if owner is None:
            user = getpw.find(argv[0], _counting, lambda: _alias(home))
        else:
            alias = User(b"alias", owner.uid, owner.gid, home + b"/alias", b"", b"")
            user = getpw.find(argv[0], lambda name: _only(owner.uid, _counting(name)), lambda: alias)
    except _Trouble as trouble:
        return trouble.exit
    fields = (user.user, b"%d" % user.uid, b"%d" % user.gid, user.home, user.dash, user.ext)
    fds.write(1, b"".join(field + b"\0" for field in fields))
    return 0


def _only(uid: int, user: User | None) -> User | None:
    return user if user is not None and user.uid == uid else None


def _counting(name: bytes) -> User | None:
    """The user of that name, unless root or not owner of the home. Raises _Trouble when that cannot be known now."""
    user = _lookup(name)
    if user is None or user.uid == 0:
        return None
    try:
        return user if os.stat(user.home).st_uid == user.uid else None
    except OSError as error:
        if is_temporary(error.errno):
            raise _Trouble(NO_HOME) from error
        return None


def _alias(home: bytes) -> User:
    user = _lookup(b"alias")
    if user is None:
        raise _Trouble(NO_ALIAS)
    return User(user.user, user.uid, user.gid, home + b"/alias", b"", b"")


def _lookup(name: bytes) -> User | None:
    try:
        entry = pwd.getpwnam(os.fsdecode(name))
    except KeyError:
        if not _is_absent(name):
            raise _Trouble(NO_DATABASE) from None
        return None
    except ValueError:  # a NUL in the name
        return None
    return User(os.fsencode(entry.pw_name), entry.pw_uid, entry.pw_gid, os.fsencode(entry.pw_dir), b"", b"")


def _is_absent(name: bytes) -> bool:
    """pwd says KeyError both for a name that is not there and for a user database that does not answer; mail must not bounce for the
    second, so the C function is asked what it was."""
    found = ctypes.c_void_p()
    entry, strings = ctypes.create_string_buffer(_ENTRY_MAX), ctypes.create_string_buffer(_STRINGS_MAX)
    code = ctypes.CDLL(None).getpwnam_r(name, entry, strings, ctypes.c_size_t(_STRINGS_MAX), ctypes.byref(found))
    return code in _NOT_FOUND and found.value is None
