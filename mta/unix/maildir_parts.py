"""A Maildir that is open, one copy of a message on its way there, and how to tell that an earlier delivery had brought it.

Rules    tmp/ and new/ are directories of the Maildir's owner, not links: who could put a link there could have mail written elsewhere.
         A file is the message it is named after when it holds the same bytes.
Used     by unix/maildir, which see
Source   maildir(5)
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass

from mta.errors import Temporary
from mta.formats.error_str import is_temporary
from mta.unix import mess
from mta.unix.disk import REAL, Disk
from mta.unix.mess import Message

TROUBLE = "Temporary error on maildir delivery. (#4.3.0)"
NO_MAILDIR = "Unable to chdir to maildir. (#4.2.1)"

_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(slots=True, eq=False)
class Maildir:
    path: bytes
    tmp: int
    new: int
    device: int


@dataclass(slots=True, eq=False)
class Delivery:
    """One copy on its way. failure: what went wrong; was_there: an earlier delivery had put it there."""

    maildir: Maildir
    name: bytes
    head: bytes
    source: Message | bytes
    recipient: int
    after: Delivery | None  # one that must have succeeded before this one is published
    fd: int = -1
    tmp_name: bytes | None = None  # None: the file has no name
    folder: int = -1  # where it is now: descriptor of new/ or cur/
    is_linked: bool = False
    was_there: bool = False
    failure: Temporary | None = None

    @property
    def size_bytes(self) -> int:
        return len(self.head) + (len(self.source) if isinstance(self.source, bytes) else self.source.size_bytes)


def open_(path: bytes, disk: Disk = REAL) -> Maildir:
    """Raises Temporary, with the text qmail-local has for it."""
    opened = []
    try:
        top = disk.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Temporary(TROUBLE if is_temporary(error.errno) else NO_MAILDIR) from error
    try:
        owner = disk.fstat(top).st_uid
        for name, flags in ((b"tmp", os.O_PATH | _FOLDER), (b"new", os.O_RDONLY | _FOLDER)):
            opened.append(disk.open(name, flags, dir_fd=top))
            st = disk.fstat(opened[-1])
            if st.st_uid != owner:
                raise PermissionError(errno.EPERM, "somebody else's directory")
        return Maildir(path, opened[0], opened[1], st.st_dev)
    except OSError as error:
        for fd in opened:
            disk.close(fd)
        raise Temporary(TROUBLE) from error
    finally:
        disk.close(top)


def is_new(delivery: Delivery, disk: Disk = REAL) -> bool:
    """Does new/ hold under this name exactly what the delivery is to bring?"""
    return _is_same(delivery, delivery.maildir.new, delivery.name, disk)


def open_cur(delivery: Delivery, disk: Disk = REAL) -> int:
    """Descriptor of cur/ when a reader has moved there what the delivery is to bring, else -1. One listing: slow for a large mailbox."""
    path = os.path.join(delivery.maildir.path, b"cur")
    try:
        known = [name for name in disk.listdir(path) if name.startswith(delivery.name)]
        if not known:
            return -1
        cur = disk.open(path, os.O_RDONLY | _FOLDER)
    except OSError:  # without it the message comes twice at worst
        return -1
    if any(_is_same(delivery, cur, name, disk) for name in known):
        return cur
    disk.close(cur)
    return -1


def _is_same(delivery: Delivery, folder: int, name: bytes, disk: Disk) -> bool:
    source = delivery.source
    try:
        fd = disk.open(name, _FILE, dir_fd=folder)
    except OSError:
        return False
    try:
        st = disk.fstat(fd)
        if not stat.S_ISREG(st.st_mode) or st.st_size != delivery.size_bytes or isinstance(source, bytes):
            return False
        return _begins_with(Message(fd, st.st_size, 0, 0, False), delivery.head, source, disk)
    except (OSError, EOFError):
        return False
    finally:
        disk.close(fd)


def _begins_with(there: Message, head: bytes, source: Message, disk: Disk) -> bool:
    """Does the file begin with the head and then the message? Raises OSError, EOFError."""
    if mess.read(there, 0, len(head), disk) != head:
        return False
    for at in range(0, source.size_bytes, mess.PIECE):
        count = min(mess.PIECE, source.size_bytes - at)
        if mess.read(there, len(head) + at, count, disk) != mess.read(source, at, count, disk):
            return False
    return True
