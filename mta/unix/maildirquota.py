"""How full a mailbox is: Maildir/maildirsize read, appended to, and made afresh by counting.

Counting  as unix/maildir_count does. A count during which a folder changed is used but not kept; three are tried. One process counts at
          a time (flock on the Maildir).
Recount   when the file is missing, damaged, made for another quota, 5120 octets long, or says "over" and is older than 15 minutes
Changes   one line, one write. A delivery is noted before it is published, and taken back when it fails, so that many deliveries at once
          go over the limit by one message of each process at most.
Folders   a folder with a file maildirfolder in it is counted in the Maildir above it
Limits    without a quota, and without a maildirsize, nothing is kept
Crash     a line that was lost or not taken back makes the sum wrong until the next count; nothing else
Source    Courier maildirquota(7), vpopmail maildirquota.c
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass

from mta.decisions import quota as decide
from mta.formats import maildirsize
from mta.formats.maildirsize import Quota, Usage
from mta.unix import lock, maildir_count

NAME = b"maildirsize"
NOTHING = Usage()
_COUNTS = 3
_READ_MAX = 1 << 16


@dataclass(frozen=True, slots=True)
class Book:
    """maildirsize as it was read."""

    quota: Quota
    usage: Usage
    file_size: int
    mtime_s: int


def root(maildir: bytes) -> bytes:
    """The Maildir whose maildirsize counts what is delivered into this one: itself, or for a folder the one above."""
    path = maildir.rstrip(b"/")
    return os.path.dirname(path) if os.path.lexists(os.path.join(path, b"maildirfolder")) else path


def load(maildir: bytes) -> Book | None:
    """None: there is none, or none that can be used. Raises OSError."""
    try:
        fd = os.open(os.path.join(maildir, NAME), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP):
            return None
        raise
    try:
        st = os.fstat(fd)
        data = os.read(fd, _READ_MAX) if stat.S_ISREG(st.st_mode) else b""
    finally:
        os.close(fd)
    try:
        line, usage = maildirsize.read(data)
        return Book(maildirsize.read_quota(line), usage, st.st_size, int(st.st_mtime))
    except ValueError:
        return None


def reserve(maildir: bytes, quota: Quota, size_bytes: int, now_s: int, pending: Usage = NOTHING) -> Usage | None:
    """Room for one more message of that size: noted in maildirsize -> the usage with it. None: it does not fit, nothing was noted.
    pending: what the caller has reserved there and not published yet, so that no count finds it. Raises OSError."""
    book = load(maildir)
    if book is None and quota == Quota():
        return NOTHING
    usage = _usage(maildir, quota, book, size_bytes, now_s, pending)
    if not decide.fits(quota, usage, size_bytes):
        return None
    change(maildir, size_bytes, 1)
    return Usage(usage.size_bytes + size_bytes, usage.messages + 1)


def _usage(maildir: bytes, quota: Quota, book: Book | None, size_bytes: int, now_s: int, pending: Usage) -> Usage:
    if book is not None:
        is_over = not decide.fits(quota, book.usage, size_bytes)
        if not decide.needs_recount(
            file_size=book.file_size, age_s=now_s - book.mtime_s, quota_matches=book.quota == quota, is_over=is_over
        ):
            return book.usage
    return recount(maildir, quota, pending)


def change(maildir: bytes, size_bytes: int, messages: int) -> None:
    """Note what came or went (negative), where there is a maildirsize. One that cannot be written is found wrong at the next count."""
    try:
        fd = os.open(os.path.join(maildir, NAME), os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.write(fd, maildirsize.change(size_bytes, messages))
    except OSError:
        pass
    finally:
        os.close(fd)


def recount(maildir: bytes, quota: Quota, pending: Usage = NOTHING) -> Usage:
    """Count, and write maildirsize afresh. One listing of every folder, and a stat for each name without S=. Raises OSError."""
    fd = os.open(maildir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        lock.wait_exclusive(fd)
        for _ in range(_COUNTS):
            folders = maildir_count.folders(maildir)
            before = _times(folders)
            octets, messages = maildir_count.count(folders)
            usage = Usage(pending.size_bytes + octets, pending.messages + messages)
            if _times(folders) == before:
                _store(maildir, quota, usage)
                break
        return usage
    finally:
        os.close(fd)


def _times(folders: list[bytes]) -> list[int | None]:
    found: list[int | None] = []
    for folder in folders:
        try:
            found.append(os.stat(folder).st_mtime_ns)
        except FileNotFoundError:
            found.append(None)
    return found


def _store(maildir: bytes, quota: Quota, usage: Usage) -> None:
    """Not synced: after a crash it is counted again. Trouble means only that nothing is kept."""
    temporary = os.path.join(maildir, b"tmp", b"%d.maildirsize" % os.getpid())
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, maildirsize.write(maildirsize.write_quota(quota), usage))
        finally:
            os.close(fd)
        os.rename(temporary, os.path.join(maildir, NAME))
    except OSError:
        pass
