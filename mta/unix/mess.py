"""The queued message behind an open descriptor, as those who deliver it read it.

The descriptor's own position is neither used nor moved: it may be shared with commands that read the message, too.
Source   qmail-local(8): descriptor 0 is the message, seekable
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mta.errors import Temporary
from mta.unix.disk import REAL, Disk

UNREADABLE = "Unable to read message. (#4.3.0)"
NOT_SEEKABLE = "Unable to rewind message. (#4.3.0)"
PIECE = 1 << 16
SUSPECT_AGE_NS = 5_000_000_000


@dataclass(frozen=True, slots=True)
class Message:
    fd: int
    size_bytes: int
    inode: int
    mtime_ns: int
    is_suspected: bool  # a delivery of it may have been cut short before
    data: bytes | None = None  # all of it, when it is small and was read already


def message(fd: int, *, is_suspected: bool, disk: Disk = REAL) -> Message:
    """Raises Temporary."""
    try:
        st = disk.fstat(fd)
    except OSError as error:
        raise Temporary(UNREADABLE) from error
    if not stat.S_ISREG(st.st_mode):  # a pipe would be taken for an empty message
        raise Temporary(NOT_SEEKABLE)
    return Message(fd, st.st_size, st.st_ino, st.st_mtime_ns, is_suspected)


def with_data(source: Message, disk: Disk = REAL) -> Message:
    """The same, read already: for one that is small and looked into more than once. Raises Temporary."""
    try:
        return replace(source, data=read(source, 0, source.size_bytes, disk))
    except (OSError, EOFError) as error:
        raise Temporary(UNREADABLE) from error


def by_age(fd: int, now_ns: int) -> Message:
    """For a deliverer that knows nothing of the past: a message that was queued a while ago (or in the future: the clock was
    set back) may be on its way for the second time. Raises Temporary."""
    found = message(fd, is_suspected=False)
    return replace(found, is_suspected=not 0 <= now_ns - found.mtime_ns <= SUSPECT_AGE_NS)


def read(source: Message, offset: int, count: int, disk: Disk = REAL) -> bytes:
    """Exactly count octets. Raises OSError; EOFError when the file is shorter."""
    if source.data is not None and offset + count <= len(source.data):
        return source.data[offset : offset + count]
    data = disk.pread(source.fd, count, offset)
    while len(data) < count:
        more = disk.pread(source.fd, count - len(data), offset + len(data))
        if not more:
            raise EOFError("file became shorter")
        data += more
    return data


def pieces(source: Message, disk: Disk = REAL) -> Iterator[bytes]:
    """The whole message. Raises Temporary."""
    try:
        for at in range(0, source.size_bytes, PIECE):
            yield read(source, at, min(PIECE, source.size_bytes - at), disk)
    except (OSError, EOFError) as error:
        raise Temporary(UNREADABLE) from error


def rewind(fd: int) -> None:
    """For a command that is to read the message from its beginning. Raises Temporary."""
    try:
        os.lseek(fd, 0, os.SEEK_SET)
    except OSError as error:
        raise Temporary(NOT_SEEKABLE) from error
