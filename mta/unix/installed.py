"""The installed files as the decisions ask for them (decisions/installed), read from disk at each question, of one generation.

Runs as  whoever asks: vmaild reads the virtual domains as their owner. What it may not look into is told as unreadable.
"""

from __future__ import annotations

import os
import pwd
import stat

from mta.decisions import getpw
from mta.decisions.installed import DotQmail
from mta.errors import Temporary
from mta.formats import maildirsize, vpasswd
from mta.formats.maildirsize import Quota, Usage
from mta.formats.users_assign import User
from mta.formats.vpasswd import Account
from mta.unix.cdbfile import CdbFile, Opened
from mta.unix.controls import ControlDir

_CDBS_MAX = 256  # of domains, kept open
_PIECE = 1 << 16


class InstalledFiles:
    """home: the instance."""

    def __init__(self, home: bytes) -> None:
        self._home = home
        self._control = ControlDir(home)
        self._users = ControlDir(home, b"users")
        fd = self._users.open_file("cdb")
        self._cdb = CdbFile(fd) if fd is not None else None
        self._accounts = Opened(b"vpasswd.cdb", _CDBS_MAX)

    def is_fresh(self) -> bool:
        """Do control/ and users/ still stand as they were read?"""
        return self._control.is_fresh() and self._users.is_fresh()

    def control_dir(self) -> ControlDir:
        return self._control

    def control(self, name: str) -> bytes | None:
        return self._control.raw(name)

    def assign(self) -> bytes | None:
        return self._users.raw("assign")

    def assigned(self, key: bytes) -> bytes | None:
        return self._cdb.get(key) if self._cdb is not None else None

    def system_user(self, local: bytes) -> User:
        return getpw.find(local, _lookup, self._alias)

    def _alias(self) -> User:
        st = os.stat(self._home + b"/alias")  # an instance of one user may have no user of that name
        return User(b"alias", st.st_uid, st.st_gid, self._home + b"/alias", b"", b"")

    def dotqmail(self, home: bytes, name: bytes) -> DotQmail | None:
        try:
            fd = os.open(os.path.join(home, name), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            mode = os.fstat(fd).st_mode
            if not stat.S_ISREG(mode):
                return None
            parts = []
            while piece := os.read(fd, _PIECE):
                parts.append(piece)
            return DotQmail(b"".join(parts), bool(mode & stat.S_IXUSR))
        finally:
            os.close(fd)

    def has_accounts(self, home: bytes) -> bool:
        try:
            os.stat(home + b"/vpasswd.cdb")
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def account(self, home: bytes, name: bytes) -> Account | None:
        file = self._accounts.of(home).file()
        data = None if file is None else file.get(name)
        return None if data is None else vpasswd.read_data(name, data)

    def usage(self, account: Account) -> tuple[Quota, Usage] | None:
        if account.quota in (b"", maildirsize.NO_QUOTA):
            return None
        try:
            with open(account.dir + b"/Maildir/maildirsize", "rb") as file:
                return maildirsize.read_quota(account.quota), maildirsize.read(file.read())[1]
        except (FileNotFoundError, NotADirectoryError, ValueError):  # never counted, or to be counted afresh
            return None

    def vdelivermail(self) -> bytes:
        return self._home + b"/bin/vdelivermail"


def _entry(name: str) -> User | None:
    try:
        e = pwd.getpwnam(name)
    except KeyError:
        return None
    return User(os.fsencode(e.pw_name), e.pw_uid, e.pw_gid, os.fsencode(e.pw_dir), b"", b"")


def _lookup(name: bytes) -> User | None:
    """A system user who counts: not root, and owner of his home directory."""
    found = _entry(os.fsdecode(name))
    if found is None or found.uid == 0:
        return None
    try:
        return found if os.stat(found.home).st_uid == found.uid else None
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    except OSError as error:
        raise Temporary("Temporary failure in qmail-getpw.", str(error)) from error
