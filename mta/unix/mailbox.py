"""A mailbox as a mail reader uses it: the folders of one Maildir++ tree, and what may be done to the messages in them.

Reads    new/ and cur/ of every folder. A name is taken from a listing, never from a user, and a file is opened relative to a directory that
         is held open, without following links and without waiting (a FIFO would), and only if it is a regular file of the tree's owner.
Writes   a message: tmp/, fsync, link into cur/, fsync cur/. A move: link into the other cur/, fsync it, unlink. Flags: rename.
         maildirsize: one line for what leaves or enters the count (everything but Trash and messages marked T), if that file is there.
Crash    a message being moved may stand in both folders; a file in tmp/ is nobody's and goes after 36 hours.
Limits   names of 255 octets, which are listed and opened as they are; the owner's other programs may do anything at any time: what is
         gone raises FileNotFoundError, and a file that shrinks while it is read just ends.
Source   maildir(5), Courier's Maildir++, spec reliability 2.3 rows 43-46
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from mta.decisions import quota as decide_quota
from mta.formats import folder_name, maildirsize
from mta.unix import maildirquota
from mta.unix.disk import REAL, Disk
from mta.unix.mail_folder import FILE, FOLDER, Folder

_MARKER = b"maildirfolder"


class Mailbox:
    """path: the Maildir. All methods raise OSError. Close it."""

    def __init__(self, path: bytes, *, disk: Disk = REAL) -> None:
        self.disk = disk
        self.fd = disk.open(path, FOLDER)
        self.owner = os.fstat(self.fd).st_uid
        self._open: dict[bytes, Folder] = {}

    def close(self) -> None:
        for folder in self._open.values():
            folder.close()
        self._open.clear()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Mailbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def folders(self) -> list[bytes]:
        """Directory names, INBOX first. A directory without new/ and cur/ is no folder."""
        with os.scandir(self.fd) as entries:
            # given a descriptor, scandir speaks str
            names = [os.fsencode(e.name) for e in entries if e.name.startswith(".") and e.is_dir(follow_symlinks=False)]
        return [folder_name.INBOX, *sorted(n for n in names if n.strip(b".") and self._is_folder(n))]

    def _is_folder(self, directory: bytes) -> bool:
        try:
            self.stamp(directory)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def stamp(self, directory: bytes) -> tuple[bytes, int]:
        """-> (changes when names in new/ or cur/ of a folder change, when that last happened in nanoseconds). Opens nothing: a mailbox may
        have more folders than a process may have files."""
        new, cur = (
            self.disk.stat(directory + b"/" + p if directory else p, dir_fd=self.fd, follow_symlinks=False) for p in (b"new", b"cur")
        )
        if not stat.S_ISDIR(new.st_mode) or not stat.S_ISDIR(cur.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        text = b"%d %d %d %d" % (new.st_ino, new.st_mtime_ns, cur.st_ino, cur.st_mtime_ns)
        return text, max(new.st_mtime_ns, cur.st_mtime_ns)

    def folder(self, directory: bytes) -> Folder:
        """directory: of a listing. Stays open until the mailbox is closed, or shut() is called for it."""
        found = self._open.get(directory)
        if found is None:
            found = self._open[directory] = Folder(self, directory)
        return found

    def is_open(self, directory: bytes) -> bool:
        return directory in self._open

    def shut(self, directory: bytes) -> None:
        """Close a folder that is not needed any more."""
        found = self._open.pop(directory, None)
        if found is not None:
            found.close()

    def make_folder(self, directory: bytes) -> Folder:
        """The folder, made if it is not there; one that was half made is completed."""
        if directory:
            _mkdir(self.disk, directory, self.fd)
        fd = self.disk.open(directory or b".", FOLDER, dir_fd=self.fd)
        try:
            for part in (b"tmp", b"new", b"cur"):
                _mkdir(self.disk, part, fd)
            if directory:
                self.disk.close(self.disk.open(_MARKER, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600, dir_fd=fd))
            self.disk.fsync(fd)
        finally:
            self.disk.close(fd)
        self.disk.fsync(self.fd)
        return self.folder(directory)

    # ---- small files beside cur/: settings, locks ----

    def read_file(self, name: bytes, limit: int) -> bytes | None:
        """None: there is none, or it is no regular file of the owner's."""
        try:
            fd = self.open_regular(name, self.fd)
        except (FileNotFoundError, PermissionError):
            return None
        try:
            return os.pread(fd, limit, 0)
        finally:
            os.close(fd)

    def replace_file(self, name: bytes, data: bytes) -> None:
        temporary = b"tmp/" + name + b".%d" % os.getpid()
        fd = self.disk.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600, dir_fd=self.fd)
        try:
            self.disk.write(fd, data)
            self.disk.fsync(fd)
        finally:
            self.disk.close(fd)
        self.disk.rename(temporary, name, src_dir_fd=self.fd, dst_dir_fd=self.fd)
        self.disk.fsync(self.fd)

    @contextmanager
    def lock(self, name: bytes) -> Iterator[None]:
        """Hold the lock of a lock file, made if needed. Waits for it."""
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=self.fd)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def open_regular(self, name: bytes, dir_fd: int) -> int:
        """PermissionError for anything but a regular file of the owner's."""
        try:
            fd = self.disk.open(name, FILE, dir_fd=dir_fd)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):  # a link, a socket or a FIFO nobody reads
                raise PermissionError(errno.EACCES, "not a regular file") from error
            raise
        st = os.fstat(fd)
        if not stat.S_ISREG(st.st_mode) or st.st_uid != self.owner:
            os.close(fd)
            raise PermissionError(errno.EACCES, "not a regular file of the mailbox's owner")
        return fd

    # ---- quota ----

    def account(self, octets: int, messages: int) -> None:
        """Note in maildirsize what has left (negative) or entered the mailbox; without that file nothing is counted."""
        if octets or messages:
            maildirquota.change(self._by_descriptor(), octets, messages)

    def usage(self) -> tuple[maildirsize.Quota, maildirsize.Usage] | None:
        """What maildirsize says; None without a file that adds up."""
        book = maildirquota.load(self._by_descriptor())
        return None if book is None else (book.quota, book.usage)

    def _by_descriptor(self) -> bytes:
        """A path to the directory that is held open, whatever its name is by now."""
        return b"/proc/self/fd/%d" % self.fd

    def has_room(self, octets: int) -> bool:
        """Does one more message fit into the quota?"""
        found = self.usage()
        return found is None or decide_quota.fits(*found, octets)


def _mkdir(disk: Disk, name: bytes, dir_fd: int) -> None:
    try:
        disk.mkdir(name, 0o700, dir_fd=dir_fd)
    except FileExistsError:  # a folder or a link: opening it tells
        pass
