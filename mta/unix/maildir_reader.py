"""Reading a Maildir: which messages are in new/ and cur/, opening one, taking some away.

Rules    only regular files of our own are messages: no link is followed, no FIFO waited for, names that begin with "." are none.
         Another reader may change a message's flags, and so its name, at any time: a file that is not found under its name is looked for
         once more by the part of the name that never changes.
         A message is never changed in its place: whoever changes one gives it another name or another inode.
Source   maildir(5), cr.yp.to/proto/maildir.html
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mta.formats import maildirname
from mta.unix import maildirquota

FOLDERS = (b"new", b"cur")
TMP_AGE_S = 129_600  # 36 hours: longer than any delivery may take
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Entry:
    """A message as a listing found it."""

    path: bytes  # below the Maildir: b"new/NAME" or b"cur/NAME"
    size_bytes: int
    mtime_ns: int

    @property
    def base(self) -> bytes:
        """What stays of its name for the life of the message."""
        return maildirname.split(self.path[4:])[0]


def entries(maildir: bytes) -> list[Entry]:
    """All messages, oldest first. One scan of each folder and one stat a file. Raises OSError."""
    uid = os.geteuid()
    found = []
    for folder in FOLDERS:
        with os.scandir(os.path.join(maildir, folder)) as scan:
            for item in scan:
                entry = None if item.name.startswith(b".") else _entry(folder, item, uid)
                if entry is not None:
                    found.append(entry)
    found.sort(key=lambda e: (e.mtime_ns, e.path[4:]))
    return found


def _entry(folder: bytes, item: os.DirEntry[bytes], uid: int) -> Entry | None:
    try:
        st = item.stat(follow_symlinks=False)
    except FileNotFoundError:  # moved or removed since the folder was read
        return None
    if not stat.S_ISREG(st.st_mode) or st.st_uid != uid:
        return None
    return Entry(b"%b/%b" % (folder, item.name), st.st_size, st.st_mtime_ns)


def stamp(maildir: bytes) -> tuple[bytes, int]:
    """-> (what changes when names in new/ or cur/ change, when that last happened in nanoseconds). Raises OSError."""
    new, cur = (os.stat(os.path.join(maildir, folder)) for folder in FOLDERS)
    # the time of change, not of modification: nobody can set it back
    return b"%d.%d.%d.%d" % (new.st_ino, new.st_ctime_ns, cur.st_ino, cur.st_ctime_ns), max(new.st_ctime_ns, cur.st_ctime_ns)


def compare(maildir: bytes, known: Mapping[bytes, int]) -> tuple[list[int], list[tuple[int, bytes]]]:
    """known: {path below the Maildir: anything}. -> (that, for each path which is there; (inode, path) of the regular files, of our own or
    not, that are not known). In no order. One scan of each folder. Raises OSError."""
    there: list[int] = []
    strange = []
    find = known.get
    for folder in FOLDERS:
        below = folder + b"/"
        with os.scandir(os.path.join(maildir, folder)) as scan:
            for item in scan:
                path = below + item.name
                what = find(path)
                if what is not None:
                    there.append(what)
                elif not item.name.startswith(b".") and item.is_file(follow_symlinks=False):
                    strange.append((item.inode(), path))
    return there, strange


def look(path: bytes) -> os.stat_result | None:
    """None: it is gone, or no message."""
    try:
        st = os.lstat(path)
    except OSError:
        return None
    return st if stat.S_ISREG(st.st_mode) and st.st_uid == os.geteuid() else None


def open_unread(path: bytes) -> tuple[int, os.stat_result] | None:
    """A message that is to be read soon: its pages are on their way when this returns. None: it is gone, or no message."""
    try:
        fd = os.open(path, _FILE)
    except OSError:
        return None
    st = os.fstat(fd)
    if not stat.S_ISREG(st.st_mode) or st.st_uid != os.geteuid():
        os.close(fd)
        return None
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_WILLNEED)
    return fd, st


def clean_tmp(maildir: bytes, now_s: int) -> None:
    """Remove what deliveries that never ended left behind. Trouble with it is none of the reader's."""
    try:
        with os.scandir(os.path.join(maildir, b"tmp")) as scan:
            old = [i.path for i in scan if not i.name.startswith(b".") and now_s > i.stat(follow_symlinks=False).st_atime + TMP_AGE_S]
        for path in old:
            os.unlink(path)
    except OSError:
        pass


class Maildir:
    """Where messages of a listing are read and taken away later. path: the Maildir."""

    def __init__(self, path: bytes) -> None:
        self.path = path
        self._now_at: dict[bytes, bytes] | None = None  # {unique name: path} after something was not found

    def open(self, entry: Entry) -> int:
        """A descriptor to read from. Raises OSError."""
        try:
            fd = os.open(os.path.join(self.path, entry.path), _FILE)
        except FileNotFoundError:
            self._now_at = None
            fd = os.open(os.path.join(self.path, self._elsewhere(entry)), _FILE)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise FileNotFoundError(entry.path)
        return fd

    def remove(self, doomed: Iterable[Entry]) -> int:
        """-> how many could not be removed. One that is gone already is removed. The quota's books follow."""
        failures = octets = messages = 0
        self._now_at = None  # one new listing is enough for all that are not found
        for entry in doomed:
            try:
                path = self._unlink(entry)
            except FileNotFoundError:
                continue
            except OSError:
                failures += 1
                continue
            if b"T" not in maildirname.split(path[4:])[1]:  # trashed messages were subtracted when they were marked
                octets += maildirname.size(path) or entry.size_bytes
                messages += 1
        if messages:
            maildirquota.change(self.path, -octets, -messages)
        return failures

    def _unlink(self, entry: Entry) -> bytes:
        """-> where it was. Raises OSError."""
        try:
            os.unlink(os.path.join(self.path, entry.path))
        except FileNotFoundError:
            path = self._elsewhere(entry)
            os.unlink(os.path.join(self.path, path))
            return path
        return entry.path

    def move_to_cur(self, seen: Iterable[Entry]) -> None:
        """What was new is not new any more. A message that cannot be moved stays, and is served from new/ next time."""
        for entry in seen:
            folder, name = entry.path[:3], entry.path[4:]
            if folder != b"new":
                continue
            info = b"" if b":" in name else b":2,"
            try:
                os.rename(os.path.join(self.path, entry.path), os.path.join(self.path, b"cur", name + info))
            except OSError:
                pass

    def _elsewhere(self, entry: Entry) -> bytes:
        """Its path now. Raises OSError; FileNotFoundError when it is gone."""
        if self._now_at is None:
            self._now_at = {e.base: e.path for e in entries(self.path)}
        path = self._now_at.get(entry.base)
        if path is None:
            raise FileNotFoundError(entry.path)
        return path
