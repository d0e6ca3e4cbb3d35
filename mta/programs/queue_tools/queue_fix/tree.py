"""The folders and special files of a queue: made where they are missing, with their modes and owners; and the owners of messages' files."""

from __future__ import annotations

import grp
import os
import stat

from mta.errors import Temporary
from mta.formats import tcpto
from mta.programs.queue_tools.queue_fix.report import Report
from mta.unix import accounts, queue_tree
from mta.unix.queue_tree import Entry, Files
from mta.unix.queuedir import SPLIT

_KINDS = {queue_tree.FOLDER: stat.S_ISDIR, queue_tree.FIFO: stat.S_ISFIFO, queue_tree.FILE: stat.S_ISREG, queue_tree.TCPTO: stat.S_ISREG}
_FOR_OTHERS = 0o022  # nobody else may write


class Owners:
    """Who owns what: in an instance of one user, that one; else qmail's users. Raises Temporary for a missing user."""

    def __init__(self, home: bytes) -> None:
        single = _single(home)
        self._is_single = single is not None
        self._gid = -1 if single is not None else _group("qmail")
        names = {entry.owner for entry in queue_tree.TABLE}
        self._uids = {name: single.uid if single is not None else accounts.lookup(name).uid for name in names}

    def of(self, name: str) -> tuple[int, int]:
        """-> (uid, gid), -1 for a group that does not matter."""
        return self._uids[name], self._gid


def _single(home: bytes) -> accounts.Account | None:
    """accounts.single(), and where there is no queue yet, what alias/ says."""
    if os.path.lexists(home + b"/queue"):
        return accounts.single(home)
    try:
        top, alias = os.stat(home), os.stat(home + b"/alias")
    except OSError as error:
        raise Temporary(f"unable to look at {os.fsdecode(error.filename)}: {error.strerror}") from error
    return accounts.Account("alias", alias.st_uid, alias.st_gid) if alias.st_uid == top.st_uid else None


def _group(name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise Temporary(f"unable to find group {name}") from None


def fix(root: bytes, owners: Owners, report: Report) -> None:
    for entry in queue_tree.TABLE:
        _fix_entry(root, entry, owners, report)


def _fix_entry(root: bytes, entry: Entry, owners: Owners, report: Report) -> None:
    name = entry.path.encode()
    path = os.path.join(root, name) if name else root
    found = _look(path)
    if found is not None and not _KINDS[entry.kind](found.st_mode):
        if stat.S_ISDIR(found.st_mode):
            report.wrong(name, b"is no %b" % entry.kind.encode())
            return
        if report.wrong(name, b"is no %b" % entry.kind.encode(), lambda: os.unlink(path)):
            found = None
    if found is None:
        if not report.wrong(name, b"is missing", lambda: _make(path, entry)):
            return
        found = os.lstat(path)
    if entry.kind == queue_tree.TCPTO and found.st_size != tcpto.SIZE:
        report.wrong(name, b"has another size", lambda: _write_tcpto(path))
    _fix_owner(name, path, found, owners.of(entry.owner), report)
    if stat.S_IMODE(found.st_mode) != entry.mode:
        report.wrong(name, b"has mode %04o, not %04o" % (stat.S_IMODE(found.st_mode), entry.mode), lambda: os.chmod(path, entry.mode))
    report.fine(name, b"looked at")


def _look(path: bytes) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None


def _make(path: bytes, entry: Entry) -> None:
    if entry.kind == queue_tree.FOLDER:
        os.mkdir(path, 0o700)
    elif entry.kind == queue_tree.FIFO:
        os.mkfifo(path, 0o600)
    elif entry.kind == queue_tree.TCPTO:
        _write_tcpto(path)
    else:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))


def _write_tcpto(path: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
    try:
        os.write(fd, bytes(tcpto.SIZE))
    finally:
        os.close(fd)


def _fix_owner(name: bytes, path: bytes, found: os.stat_result, owner: tuple[int, int], report: Report) -> None:
    uid, gid = owner
    if found.st_uid != uid or gid not in (-1, found.st_gid):
        what = b"belongs to %d:%d" % (found.st_uid, found.st_gid)
        report.wrong(name, what, lambda: os.chown(path, uid, gid, follow_symlinks=False))


def fix_files(root: bytes, owners: Owners, report: Report) -> None:
    """Of messages: owners, and modes."""
    for files in (queue_tree.MESS, *queue_tree.SIBLINGS):
        for folder in folders(files):
            for name in sorted(_names(root, folder)):
                if name.isdigit():
                    _fix_file(root, os.path.join(folder, name), files, owners, report)


def _names(root: bytes, folder: bytes) -> list[bytes]:
    """None where a folder is missing and nothing is to be changed: that has been told."""
    try:
        return os.listdir(os.path.join(root, folder))
    except FileNotFoundError:
        return []


def folders(files: Files) -> list[bytes]:
    name = files.folder.encode()
    return [b"%b/%d" % (name, part) for part in range(SPLIT)] if files.is_split else [name]


def _fix_file(root: bytes, name: bytes, files: Files, owners: Owners, report: Report) -> None:
    path = os.path.join(root, name)
    found = os.lstat(path)
    if not stat.S_ISREG(found.st_mode):
        return  # names.py has told of it
    _fix_owner(name, path, found, owners.of(files.owner), report)
    mode = stat.S_IMODE(found.st_mode)
    wanted = (mode | files.mode) & ~_FOR_OTHERS
    if mode != wanted:
        report.wrong(name, b"has mode %04o" % mode, lambda: os.chmod(path, wanted))
