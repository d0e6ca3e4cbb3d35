"""qmail-showctl: explain the control files.

Reads    every file of control/ (formats/control_files says what they are)
Writes   to fd 1: where and how this instance was set up; each of qmail's control files, with its default where it is missing; those of
         our own that are there; then the names nobody knows
Exits    0; 111 when control/ or control/me is closed to us, or a user is missing (where there is a queue)
Limits   passwords are left out
Runs as  anybody who may read control/
Source   qmail-showctl(8), qmail-showctl.c
"""

from __future__ import annotations

import grp
import os
import signal

from mta.decisions.getpw import BREAK
from mta.errors import Temporary
from mta.formats import control, smtproutes
from mta.formats.control_files import BY_NAME, OWN, QMAIL, ControlFile, Kind, source_of
from mta.formats.spawn import CAPACITY
from mta.unix import accounts, spawn_limit
from mta.unix.controls import ControlDir, Unreadable
from mta.unix.fds import Fds
from mta.unix.queuedir import SPLIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

PATERNALISM = 2  # bits no .qmail file and no home may have: writable by everybody
_USERS = ("alias", "qmaild", "qmaill", "root", "qmailp", "qmailq", "qmailr", "qmails")  # root owns what is installed
_GROUPS = ("nofiles", "qmail")

_SAFE = bytes(c if 32 <= c <= 126 else 0x3F for c in range(256))
_TROUBLE = b"Oops! Trouble reading this file.\n"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    home = env[b"QMAIL_HOME"]
    fds.write(1, set_up(home, _limit(home), *ids(home)))
    if not os.path.isdir(home):
        fds.write(1, b"Oops! Unable to chdir to %b.\n" % home)
        return 111
    try:
        folder = ControlDir(home)
        names = folder.names(".")
    except Unreadable:
        fds.write(1, b"Oops! Unable to chdir to control.\n")
        return 111
    try:
        me = folder.line("me")
    except Unreadable:
        fds.write(1, b"Oops! Trouble reading control/me.\n")
        return 111
    fds.write(1, b"".join(explain(folder, names, me)))
    return 0


def ids(home: bytes) -> tuple[list[int], list[int]]:
    """-> (user ids, group ids) in the order in which they are shown; none where there is no queue (a mini-qmail): nothing runs there as
    anybody else. Raises Temporary when one is missing."""
    if os.path.isdir(home) and not os.path.exists(os.path.join(home, b"queue")):
        return [], []
    owner = accounts.single(home) if os.path.isdir(home) else None
    if owner is not None:
        return [owner.uid] * len(_USERS), [owner.gid] * len(_GROUPS)
    try:
        return [accounts.lookup(name).uid for name in _USERS], [grp.getgrnam(name).gr_gid for name in _GROUPS]
    except KeyError as error:
        raise Temporary(f"unable to find group: {error.args[0]}") from error


def _limit(home: bytes) -> int:
    """Where the file cannot be read that is said further down."""
    try:
        return spawn_limit.load(home)
    except Temporary:
        return CAPACITY


def set_up(home: bytes, limit: int, uids: list[int], gids: list[int]) -> bytes:
    return (
        b"qmail home directory: %b.\nuser-ext delimiter: %b.\npaternalism (in decimal): %d.\nsilent concurrency limit: %d.\n"
        b"subdirectory split: %d.\nuser ids: %b.\ngroup ids: %b.\n"
    ) % (home, BREAK, PATERNALISM, limit, SPLIT, _numbers(uids), _numbers(gids))


def _numbers(found: list[int]) -> bytes:
    return b", ".join(b"%d" % n for n in found) or b"none"


def explain(folder: ControlDir, names: frozenset[str], me: bytes | None) -> Iterator[bytes]:
    """A piece of text for each file. names: those that are there."""
    for file in QMAIL:
        yield _piece(file, folder, names, me)
    for file in OWN:
        if file.name in names:
            yield _piece(file, folder, names, me)
    for name in sorted(names - BY_NAME.keys()):
        yield b"\n%b: I have no idea what this file does.\n" % os.fsencode(name)


def _piece(file: ControlFile, folder: ControlDir, names: frozenset[str], me: bytes | None) -> bytes:
    try:
        text = _text(file, folder, names, me)
    except Unreadable:
        text = _TROUBLE
    return b"\n%b: %b" % (file.name.encode(), text)


def _text(file: ControlFile, folder: ControlDir, names: frozenset[str], me: bytes | None) -> bytes:
    match file.kind:
        case Kind.LINE:
            return _line(file, folder, me)
        case Kind.INTEGER:
            return _integer(file, folder)
        case Kind.CDB:
            return _compiled(file, folder)
        case Kind.PEM | Kind.SECRET:
            return file.before.encode() + b"\n"
        case Kind.FOLDER:
            return _entries(file, [os.fsencode(name) for name in sorted(folder.names(file.name))])
        case _:
            return _list(file, folder.lines(file.name), "rcpthosts" in names)


def _line(file: ControlFile, folder: ControlDir, me: bytes | None) -> bytes:
    found = folder.line(file.name)
    if found is None:
        value = me if file.is_me and me is not None else file.default.encode()
        return b"(Default.) %b%b.\n" % (file.before.encode(), value.translate(_SAFE))
    return b"%b%b.\n" % (file.before.encode(), found.translate(_SAFE))


def _integer(file: ControlFile, folder: ControlDir) -> bytes:
    data = folder.raw(file.name)
    number = None if data is None else control.integer(data)
    if number is None:
        return f"(Default.) {file.before}{file.default}{file.after}.\n".encode()
    return f"{file.before}{number}{file.after}.\n".encode()


def _list(file: ControlFile, found: list[bytes] | None, has_rcpthosts: bool) -> bytes:
    if file.name == "morercpthosts" and not has_rcpthosts:
        if found is None:
            return b"(Default.) No rcpthosts; morercpthosts is irrelevant.\n"
        return b"\n" + b"".join(b"No rcpthosts; doesn't matter that morercpthosts has %b.\n" % e.translate(_SAFE) for e in found)
    if found is None:
        return b"(Default.) %b\n" % file.without.encode()
    return _entries(file, found)


def _entries(file: ControlFile, found: list[bytes]) -> bytes:
    before, after = file.before.encode(), file.after.encode()
    if file.name == "smtproutes":
        found = [smtproutes.masked(entry) for entry in found]
    return b"\n" + b"".join(b"%b%b%b\n" % (before, entry.translate(_SAFE), after) for entry in found)


def _compiled(file: ControlFile, folder: ControlDir) -> bytes:
    """Does a cdb belong to its text? Seconds are compared, as the original does."""
    text, cdb = _mtime_s(folder, source_of(file.name)), _mtime_s(folder, file.name)
    source, name = source_of(file.name).encode(), file.name.encode()
    if text is None:
        return b"(Default.) No effect.\n" if cdb is None else b"Oops! %b exists but %b doesn't.\n" % (name, source)
    if cdb is None:
        return b"Oops! %b exists but %b doesn't.\n" % (source, name)
    if text > cdb:
        return b"Oops! %b is older than %b.\n" % (name, source)
    return b"Modified recently enough; hopefully up to date.\n"


def _mtime_s(folder: ControlDir, name: str) -> int | None:
    try:
        return int(os.stat(folder.path(name)).st_mtime)
    except OSError:
        return None


def guard() -> None:
    """In a process of our own: `qmail-showctl | head` shall end without a word."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
