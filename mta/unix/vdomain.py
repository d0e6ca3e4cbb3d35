"""The virtual domains on disk: which mailbox an address is, and what its owner wants done with mail.

Domain    the directory of the .qmail-default file that runs vdelivermail; it holds vpasswd.cdb. Its name is the real domain's: an alias
          domain has the real one's directory in users/assign. A directory without vpasswd.cdb: users/cdb says where HOST's is.
Mailbox   the directory vpasswd names; in it .qmail, if any, and Maildir/
Texts     .no-user.msg, .over-quota.msg, .quotawarn.msg: the domain's, else the site's in domains/
Trouble   a vpasswd.cdb that is damaged, unreadable or missing is Temporary: nobody is told that a user does not exist because of it.
Runs as   the owner of the domain
Source    vpopmail vdelivermail.c, vpopmail.h
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from mta.decisions import vdelivermail as decide
from mta.decisions.vdelivermail import CatchAll
from mta.errors import Permanent, Temporary
from mta.formats import control, dotqmail, maildirsize, users_assign, vpasswd
from mta.formats.dotqmail import Kind, Line
from mta.formats.maildirsize import Quota
from mta.unix import dotqmail_file
from mta.unix.cdbfile import Fresh, Opened

NO_USER, OVER_QUOTA, QUOTA_WARNING = b".no-user.msg", b".over-quota.msg", b".quotawarn.msg"
_TEXT_MAX = 1 << 16
_CDBS_MAX = 64  # of domains, kept open


@dataclass(frozen=True, slots=True)
class Domain:
    name: bytes
    dir: bytes
    accounts: Fresh

    def address(self, user: bytes) -> bytes:
        return b"%b@%b" % (user, self.name)


@dataclass(frozen=True, slots=True)
class Mailbox:
    address: bytes  # user@domain, in lower case, the domain being the real one
    dir: bytes  # where relative Maildirs count from and commands run
    lines: tuple[Line, ...]
    quota: Quota | None  # of dir/Maildir; None: it is nobody's
    domain: Domain

    @property
    def maildir(self) -> bytes:
        return self.dir + b"/Maildir"


class Domains:
    """Keeps the files it looked into open; they are opened again when they change. home: the instance."""

    def __init__(self, home: bytes) -> None:
        self._home = home
        self._users = Fresh(os.path.join(home, b"users/cdb"))
        self._accounts = Opened(b"vpasswd.cdb", _CDBS_MAX)

    def find(self, directory: bytes, host: bytes) -> Domain:
        """directory: of the .qmail-default file; host: the domain of the address as it came. Raises Temporary."""
        try:
            accounts = self._accounts.of(directory)
            if accounts.file() is None:
                directory = self._assigned(control.lower(host))
                accounts = self._accounts.of(directory)
        except (OSError, ValueError) as error:
            raise Temporary("vdelivermail: unable to find the domain", str(error)) from error
        return Domain(os.path.basename(directory.rstrip(b"/")), directory, accounts)

    def _assigned(self, host: bytes) -> bytes:
        """The domain's directory as users/assign has it. Raises ValueError, OSError."""
        users = self._users.file()
        data = None if users is None else users.get(b"!%b-" % host)
        if data is None:
            raise ValueError(f"no {host.decode('latin-1')} in users/assign")
        return users_assign.read_user(data).home

    def mailbox(self, domain: Domain, user: bytes, instruction: bytes) -> Mailbox | None:
        """user: in lower case; instruction: for users that are not there. None: the message is to vanish. Raises Permanent, Temporary."""
        address = domain.address(user)
        account = account_of(domain, user)
        if account is not None:
            decide.check(account, address)
            return _mailbox(domain, address, account.dir, _quota(account))
        kind = decide.catch_all(instruction)
        if kind is CatchAll.DELETE:
            return None
        if kind is CatchAll.FORWARD:
            return Mailbox(address, domain.dir, (Line(1, Kind.FORWARD, instruction),), None, domain)
        if kind is CatchAll.MAILBOX:
            return self._catch_all(domain, address, instruction.rstrip(b"/"))
        raise Permanent(self.text(domain, NO_USER) or decide.NO_MAILBOX)

    def _catch_all(self, domain: Domain, address: bytes, directory: bytes) -> Mailbox:
        """The mailbox in that directory; its user's quota counts, if it is somebody's."""
        user = os.path.basename(directory)
        account = account_of(domain, user)
        is_his = account is not None and account.dir.rstrip(b"/") == directory
        if account is not None and is_his:
            decide.check(account, domain.address(user))
        return _mailbox(domain, address, directory, _quota(account) if account is not None and is_his else None)

    def text(self, domain: Domain, name: bytes) -> str:
        """Of a file with a text for people, without its last newline; "" when there is none. Bytes as Latin-1."""
        for folder in (domain.dir, os.path.join(self._home, b"domains")):
            try:
                with open(os.path.join(folder, name), "rb") as file:
                    return file.read(_TEXT_MAX).decode("latin-1").rstrip("\n")
            except OSError:  # one that cannot be read is as good as none: there are words of our own
                continue
        return ""


def account_of(domain: Domain, user: bytes) -> vpasswd.Account | None:
    """Raises Temporary."""
    try:
        file = domain.accounts.file()
        if file is None:
            raise ValueError("vpasswd.cdb is missing")
        data = file.get(user) if user else None
        if data is not None and b"\0" in data:
            raise ValueError("NUL in vpasswd.cdb")
        return None if data is None else vpasswd.read_data(user, data)
    except (OSError, ValueError) as error:
        raise Temporary("vdelivermail: unable to read vpasswd.cdb", str(error)) from error


def _quota(account: vpasswd.Account) -> Quota:
    try:
        return maildirsize.read_quota(account.quota)
    except ValueError:  # the text is checked where it is entered; mail is not refused for it
        return Quota()


def _mailbox(domain: Domain, address: bytes, directory: bytes, quota: Quota | None) -> Mailbox:
    directory = directory.rstrip(b"/")
    if not directory.startswith(b"/"):
        raise Temporary("vdelivermail: the mailbox has no directory in vpasswd")
    found = dotqmail_file.load(os.path.join(directory, b".qmail"))
    lines = tuple(dotqmail.read(found[0])) if found is not None and found[0] else decide.DEFAULT_LINES
    return Mailbox(address, directory, lines, quota, domain)
