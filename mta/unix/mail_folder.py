"""One folder of a mailbox: its messages, listed, opened, flagged, moved, removed and stored. See unix/mailbox for the rules of all this.

Writes   a message: tmp/, fsync, link into cur/, fsync cur/. A move: link into the other cur/, fsync it, unlink. Flags: rename.
Crash    a message being moved may stand in both folders; a file in tmp/ is nobody's and goes after 36 hours.
Source   maildir(5), Courier's Maildir++
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from mta.formats import maildirname
from mta.formats.folder_name import TRASH
from mta.unix import clock

if TYPE_CHECKING:
    from mta.unix.mailbox import Mailbox

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_serial = count(1)


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of a listing."""

    name: bytes  # of the file
    is_new: bool  # in new/, else in cur/

    @property
    def base(self) -> bytes:
        """What stays the same for the life of the message."""
        return maildirname.split(self.name)[0]

    @property
    def flags(self) -> bytes:
        return maildirname.split(self.name)[1]


class MessageFile:
    """An open message (formats.mime.source.Source). Close it."""

    __slots__ = ("_fd", "mtime_s", "size")

    def __init__(self, fd: int) -> None:
        st = os.fstat(fd)
        self._fd = fd
        self.size = st.st_size
        self.mtime_s = int(st.st_mtime)

    def read(self, start: int, end: int) -> bytes:
        """Fewer octets than asked for only at the end of the file."""
        data = os.pread(self._fd, max(0, end - start), start)
        while len(data) < end - start:
            more = os.pread(self._fd, end - start - len(data), start + len(data))
            if not more:
                break
            data += more
        return data

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> MessageFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Folder:
    """One folder: its new/ and cur/, held open."""

    def __init__(self, mailbox: Mailbox, directory: bytes) -> None:
        self.mailbox = mailbox
        self.directory = directory
        self._disk = mailbox.disk
        self._top = self._disk.open(directory or b".", FOLDER, dir_fd=mailbox.fd)
        self._fds = [self._top]
        try:
            for part in (b"new", b"cur"):
                self._fds.append(self._disk.open(part, FOLDER, dir_fd=self._top))
        except OSError:
            self.close()
            raise
        _, self._new, self._cur = self._fds

    def close(self) -> None:
        while self._fds:
            os.close(self._fds.pop())

    def _dir(self, is_new: bool) -> int:
        return self._new if is_new else self._cur

    def entries(self) -> list[Entry]:
        """Every message once, in no order: a name that stands in new/ and cur/ (it is being moved) is taken from cur/."""
        cur = [Entry(n, False) for n in _names(self._cur)]
        new = [Entry(n, True) for n in _names(self._new)]
        if not new:
            return cur
        bases = {e.base for e in cur}
        return cur + [e for e in new if e.base not in bases]

    def take_new(self) -> None:
        """new/ -> cur/, as a reader does that has seen the listing."""
        names = _names(self._new)
        if not names:
            return
        bases = {maildirname.split(n)[0] for n in _names(self._cur)}
        for name in names:
            base, flags = maildirname.split(name)
            if base in bases:
                self._settle_twin(name)
                continue
            try:
                self._disk.rename(name, maildirname.join(base, flags), src_dir_fd=self._new, dst_dir_fd=self._cur)
            except FileNotFoundError:  # another reader was quicker
                pass

    def _settle_twin(self, name: bytes) -> None:
        """new/ holds a name that cur/ has: the same file, when a crash came between link and unlink; else it gets a name of its own."""
        entry = self.find(maildirname.split(name)[0])
        try:
            st = self._disk.stat(name, dir_fd=self._new, follow_symlinks=False)
            twin = self._disk.stat(entry.name, dir_fd=self._cur, follow_symlinks=False) if entry else None
            if twin is not None and (st.st_ino, st.st_dev) == (twin.st_ino, twin.st_dev):
                self._disk.unlink(name, dir_fd=self._new)
            else:
                self._disk.rename(name, unique(st.st_size) + b":2,", src_dir_fd=self._new, dst_dir_fd=self._cur)
        except FileNotFoundError:
            pass

    def find(self, base: bytes) -> Entry | None:
        """The message of that name, whatever its flags are by now. Lists the folder."""
        return next((e for e in self.entries() if e.base == base), None)

    def open(self, entry: Entry) -> MessageFile:
        """FileNotFoundError: gone or renamed; PermissionError: no regular file of the owner's."""
        return MessageFile(self.mailbox.open_regular(entry.name, self._dir(entry.is_new)))

    def stat(self, entry: Entry) -> os.stat_result:
        return self._disk.stat(entry.name, dir_fd=self._dir(entry.is_new), follow_symlinks=False)

    def set_flags(self, entry: Entry, add: bytes = b"", remove: bytes = b"") -> Entry:
        """The entry as it then is. A message in new/ with flags moves to cur/."""
        try:
            return self._rename(entry, add, remove)
        except FileNotFoundError:
            found = self.find(entry.base)
            if found is None:
                raise
            return self._rename(found, add, remove)

    def _rename(self, entry: Entry, add: bytes, remove: bytes) -> Entry:
        base, flags = maildirname.split(entry.name)
        wanted = Entry(maildirname.join(base, bytes(f for f in flags + add if f not in remove)), False)
        if wanted != entry:
            self._disk.rename(entry.name, wanted.name, src_dir_fd=self._dir(entry.is_new), dst_dir_fd=self._cur)
        return wanted

    def move(self, entries: Iterable[Entry], target: Folder) -> int:
        """Into another folder of the same mailbox, flags kept. -> how many; those that are gone are passed over."""
        moved = []
        for entry in entries:
            try:
                size = self._counted(entry)
                target.link_from(self._dir(entry.is_new), entry)
            except FileNotFoundError:
                continue
            moved.append((entry, size))
        if not moved:
            return 0
        self._disk.fsync(target._cur)
        gone = [size for entry, size in moved if self._unlink(entry)]
        self._account_move(target, gone)
        return len(moved)

    def link_from(self, source: int, entry: Entry) -> None:
        """A second name, in cur/ here, for a file of another folder; it may have one, from a move that a crash cut short."""
        st = os.stat(entry.name, dir_fd=source, follow_symlinks=False)
        if st.st_nlink > 1 and self._has_twin(entry, st):
            return
        base, flags = maildirname.split(entry.name)
        name = maildirname.join(base, flags.replace(b"T", b""))
        try:
            os.link(entry.name, name, src_dir_fd=source, dst_dir_fd=self._cur, follow_symlinks=False)
        except FileExistsError:  # a copy with the same name is here already: both are kept
            name = maildirname.join(unique(st.st_size), flags.replace(b"T", b""))
            os.link(entry.name, name, src_dir_fd=source, dst_dir_fd=self._cur, follow_symlinks=False)

    def _has_twin(self, entry: Entry, st: os.stat_result) -> bool:
        """Is that very file here under the same name, whatever its flags?"""
        found = self.find(entry.base)
        if found is None:
            return False
        twin = self.stat(found)
        return (twin.st_ino, twin.st_dev) == (st.st_ino, st.st_dev)

    def remove(self, entries: Iterable[Entry]) -> int:
        """For good. -> how many"""
        sizes = []
        for entry in entries:
            try:
                size = self._counted(entry)
            except FileNotFoundError:
                continue
            if self._unlink(entry):
                sizes.append(size)
        if self.directory != TRASH:
            counted = [s for s in sizes if s is not None]
            self.mailbox.account(-sum(counted), -len(counted))
        return len(sizes)

    def _unlink(self, entry: Entry) -> bool:
        try:
            self._disk.unlink(entry.name, dir_fd=self._dir(entry.is_new))
        except FileNotFoundError:
            return False
        return True

    def _counted(self, entry: Entry) -> int | None:
        """The octets a quota counts for it; None when it is marked T and does not count."""
        st = self.stat(entry)
        if b"T" in entry.flags:
            return None
        size = maildirname.size(entry.name)
        return st.st_size if size is None else size

    def _account_move(self, target: Folder, sizes: list[int | None]) -> None:
        counted = [s for s in sizes if s is not None]
        if (self.directory == TRASH) != (target.directory == TRASH):
            sign = -1 if target.directory == TRASH else 1
            self.mailbox.account(sign * sum(counted), sign * len(counted))

    def deliver(self, parts: list[bytes], flags: bytes = b"S", mark: bytes = b"") -> bytes:
        """Store a message of ours. mark: goes into its name, so that it can be told from a listing. -> the name without its flags"""
        base = unique(sum(map(len, parts)), mark)
        tmp = self._disk.open(b"tmp", FOLDER, dir_fd=self._top)
        try:
            self._store(tmp, base, parts, flags)
        finally:
            self._disk.close(tmp)
        if self.directory != TRASH:
            self.mailbox.account(sum(map(len, parts)), 1)
        return base

    def _store(self, tmp: int, base: bytes, parts: list[bytes], flags: bytes) -> None:
        fd = self._disk.open(base, _NEW_FILE, 0o600, dir_fd=tmp)
        try:
            try:
                for part in parts:
                    self._disk.write(fd, part)
                self._disk.fsync(fd)
            finally:
                self._disk.close(fd)
            os.link(base, maildirname.join(base, flags), src_dir_fd=tmp, dst_dir_fd=self._cur, follow_symlinks=False)
        finally:
            self._disk.unlink(base, dir_fd=tmp)
        self._disk.fsync(self._cur)


def unique(size_bytes: int, mark: bytes = b"") -> bytes:
    """A name no other message has or will have."""
    seconds, ns = divmod(clock.now_ns(), 1_000_000_000)
    host = maildirname.safe_host(socket.gethostname().encode())
    letter = b"W" + mark if mark else b""
    return b"%d.M%dP%dQ%d%b.%b,S=%d" % (seconds, ns // 1000, os.getpid(), next(_serial), letter, host, size_bytes)


def is_marked(name: bytes, mark: bytes) -> bool:
    """Was it delivered with that mark?"""
    return b"W%b." % mark in name


def _names(fd: int) -> list[bytes]:
    return [os.fsencode(n) for n in os.listdir(fd) if not n.startswith(".")]
