"""qmail-pw2u: make users/assign from the system's list of users.

Usage    qmail-pw2u [-/ohHuUC] [-cCHARACTER] < /etc/passwd > users/assign
         -o (default) leave out users whose home directory is missing or not their own; -h stop when one is missing; -H do not look
         -U (default) leave out names with capitals; -u take them; -c what parts a name from its extension; -C no extensions
         -/ extensions answer to .qmail-/EXT in place of .qmail-EXT
Reads    fd 0, lines of passwd(5); users/include, exclude, mailnames, which are lists with comments; users/subusers, append, which are not
Writes   fd 1, lines of users/assign (formats/users_assign); qmail-newu compiles them
Exits    0; 100 usage; 111 no alias user among them, a subuser of nobody, or a file that cannot be read: what was written before stays
Limits   what is in users/ is held in memory
Runs as  root, or anybody who may read the files
Source   qmail-pw2u(8), qmail-users(5), qmail-pw2u.c
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from mta.decisions import pw2u
from mta.decisions.pw2u import Homes
from mta.errors import Temporary
from mta.formats import control
from mta.formats.sgetopt import BadOption, Options
from mta.unix import atomic
from mta.unix.controls import ControlDir, Unreadable
from mta.unix.fds import Fds

_PIECE = 8192


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    try:
        options = _options(argv)
    except BadOption as error:
        fds.say(b"qmail-pw2u: %b\n" % error.text)
        return 100
    try:
        _Output(fds, env[b"QMAIL_HOME"], options).make()
    except Temporary as error:
        fds.say(b"qmail-pw2u: fatal: %b\n" % error.text.encode("latin-1"))
        return error.exit
    return 0


def _options(argv: list[bytes]) -> pw2u.Options:
    """Raises BadOption."""
    homes, takes_capitals, break_, dash = Homes.SKIP, False, b"-", b"-"
    for letter, value in Options(argv, "/ohHuUc:C"):
        if letter in b"ohH":
            homes = {b"o": Homes.SKIP, b"h": Homes.STOP, b"H": Homes.IGNORE}[letter]
        elif letter in b"uU":
            takes_capitals = letter == b"u"
        elif letter in b"cC":
            break_ = value[:1]
        else:
            dash = b"-/"
    return pw2u.Options(homes, takes_capitals, break_, dash)


class _Output:
    """make() raises Temporary."""

    def __init__(self, fds: Fds, home: bytes, options: pw2u.Options) -> None:
        self._fds = fds
        self._home = home
        self._options = options
        self._users: dict[bytes, bytes] = {}
        self._waiting = b""

    def make(self) -> None:
        lists = _lists(self._home)
        for line in self._lines():
            self._account(line, lists)
        if pw2u.ALIAS not in self._users:
            raise Temporary("unable to find alias user")
        for line in _read(self._home, b"subusers").split(b"\n"):
            self._waiting += pw2u.subuser(line, self._options, self._fields)
        self._waiting += _read(self._home, b"append") + b".\n"
        self._flush()

    def _lines(self) -> Iterator[bytes]:
        """Of the input. What has been made of them goes out before more is read."""
        rest = b""
        while piece := self._read():
            *whole, rest = (rest + piece).split(b"\n")
            yield from whole
        yield rest

    def _read(self) -> bytes:
        self._flush()
        try:
            return os.read(self._fds[0], _PIECE)
        except OSError:
            raise Temporary("unable to read input") from None

    def _flush(self) -> None:
        try:
            self._fds.write(1, self._waiting)
        except OSError:
            raise Temporary("unable to write output") from None
        self._waiting = b""

    def _account(self, line: bytes, lists: pw2u.Lists) -> None:
        try:
            found = pw2u.account(line, self._options, lists, _owner)
        except pw2u.NoHome as error:
            raise Temporary(f"unable to stat {error.home.decode('latin-1')}") from None
        if found is not None:
            user, fields, lines = found
            self._users[control.lower(user)] = fields
            self._waiting += lines

    def _fields(self, user: bytes) -> bytes:
        fields = self._users.get(control.lower(user))
        if fields is None:
            raise Temporary(f"unable to find {user.decode('latin-1')} user for subuser")
        return fields


def _owner(home: bytes) -> int | None:
    try:
        return os.stat(home).st_uid
    except FileNotFoundError:
        return None
    except OSError:
        raise pw2u.NoHome(home) from None


def _lists(home: bytes) -> pw2u.Lists:
    """Raises Temporary."""
    if not os.path.isdir(home):
        raise Temporary("unable to chdir")
    if not os.path.isdir(home + b"/users"):
        return pw2u.Lists()
    try:
        users = ControlDir(home, b"users")
        return pw2u.Lists(users.set_("include"), users.set_("exclude"), users.map_("mailnames"))
    except Unreadable:
        raise Temporary("unable to read controls") from None


def _read(home: bytes, name: bytes) -> bytes:
    """A file of users/, b"" when it is missing. Raises Temporary."""
    try:
        return atomic.read(home + b"/users/" + name) or b""
    except OSError:
        raise Temporary("unable to read controls") from None
