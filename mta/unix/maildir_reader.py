"""Reading a Maildir: which messages are in new/ and cur/, opening one, taking some away.

Rules    only regular files of our own are messages: no link is followed, no FIFO waited for, names that begin with "." are none.
         Another reader may change a message's flags, and so its name, at any time: a file that is not found under its name is looked for
         once more by the part of the name that never changes.
Source   maildir(5), cr.yp.to/proto/maildir.html
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass

from mta.formats import maildirname
from mta.unix import maildirquota

FOLDERS = (b"new", b"cur")
TMP_AGE_S = 129_600  # 36 hours: longer than any delivery may take


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
    """The messages of one listing, to be read and taken away later. path: the Maildir."""

    def __init__(self, path: bytes, listed: list[Entry]) -> None:
        self.path = path
        self.entries = listed
        self._now_at: dict[bytes, bytes] | None = None  # {unique name: path} after something was not found

    def open(self, entry: Entry) -> int:
        """A descriptor to read from. Raises OSError."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            fd = os.open(os.path.join(self.path, entry.path), flags)
        except FileNotFoundError:
            self._now_at = None
            fd = os.open(os.path.join(self.path, self._elsewhere(entry)), flags)
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
