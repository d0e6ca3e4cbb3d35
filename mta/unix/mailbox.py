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
import socket
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from mta.decisions import quota as decide_quota
from mta.formats import folder_name, maildirname, maildirsize
from mta.unix import clock, maildirquota
from mta.unix.disk import REAL, Disk

INBOX = folder_name.INBOX
DRAFTS, SENT, TRASH, JUNK, ARCHIVE = b".Drafts", b".Sent", b".Trash", b".Junk", b".Archive"
SPECIAL = (DRAFTS, SENT, TRASH, JUNK, ARCHIVE)

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MARKER = b"maildirfolder"
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


class Mailbox:
    """path: the Maildir. All methods raise OSError. Close it."""

    def __init__(self, path: bytes, *, disk: Disk = REAL) -> None:
        self.disk = disk
        self.fd = disk.open(path, _FOLDER)
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
        return [INBOX, *sorted(n for n in names if n.strip(b".") and self._is_folder(n))]

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
        fd = self.disk.open(directory or b".", _FOLDER, dir_fd=self.fd)
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
            fd = self.disk.open(name, _FILE, dir_fd=dir_fd)
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


class Folder:
    """One folder: its new/ and cur/, held open."""

    def __init__(self, mailbox: Mailbox, directory: bytes) -> None:
        self.mailbox = mailbox
        self.directory = directory
        self._disk = mailbox.disk
        self._top = self._disk.open(directory or b".", _FOLDER, dir_fd=mailbox.fd)
        self._fds = [self._top]
        try:
            for part in (b"new", b"cur"):
                self._fds.append(self._disk.open(part, _FOLDER, dir_fd=self._top))
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
        """A second name, in cur/ here, for a file of another folder."""
        base, flags = maildirname.split(entry.name)
        name = maildirname.join(base, flags.replace(b"T", b""))
        try:
            os.link(entry.name, name, src_dir_fd=source, dst_dir_fd=self._cur, follow_symlinks=False)
        except FileExistsError:  # a copy with the same name is here already: both are kept
            size = os.stat(entry.name, dir_fd=source, follow_symlinks=False).st_size
            name = maildirname.join(unique(size), flags.replace(b"T", b""))
            os.link(entry.name, name, src_dir_fd=source, dst_dir_fd=self._cur, follow_symlinks=False)

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
        tmp = self._disk.open(b"tmp", _FOLDER, dir_fd=self._top)
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


def _mkdir(disk: Disk, name: bytes, dir_fd: int) -> None:
    try:
        disk.mkdir(name, 0o700, dir_fd=dir_fd)
    except FileExistsError:  # a folder or a link: opening it tells
        pass
