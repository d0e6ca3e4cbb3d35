"""The messages of a Maildir as a session of the RFC profile wants them, from tawny-pop3-list as far as that is true, else by looking.

Steps    1 new/ and cur/ still have the stamp of the list: it is taken as it is
         2 else both are listed; what has a name that the list knows is what it was; its flags may be others
         3 what is new is opened and measured, unless its name says W=, in the order of inodes and many at a time, for that is the order of
           the disk, and it can work on all of them at once
         4 the list is written again, unless it is not worth a file. A stamp is noted only when nothing had changed for longer than
           the steps of a file system's clock
Limits   messages do not change (maildir(5)): one that somebody edits under its name is sent as it is, and its size is the old one
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from mta.formats import maildirname, pop3_list
from mta.formats.pop3_list import Listing
from mta.net.pop3.text import wire_size
from mta.unix import maildir_reader

NAME = b"tawny-pop3-list"
KEPT_FROM, KEPT_FROM_OCTETS = 16, 1 << 20  # reading less than that costs no more than writing the list
_TICK_NS = 2_000_000_000  # file systems keep times in up to two seconds' steps
_AT_ONCE = 64  # messages open at a time
_PIECE = 1 << 16
_NOTHING = Listing(pop3_list.NO_STAMP, [], [], [], [])
Row = tuple[int, int, int, bytes]  # wire size, size, mtime_ns, path


def list_(maildir: bytes, now_ns: int) -> Listing:
    """now_ns: the wall clock. Raises OSError when the Maildir cannot be listed."""
    stamp, changed_ns = maildir_reader.stamp(maildir)
    known = _load(maildir)
    if known.stamp == stamp:
        return known
    found = _survey(maildir, known, stamp if now_ns - changed_ns > _TICK_NS else pop3_list.NO_STAMP)
    if found != known and (known.paths or len(found.paths) >= KEPT_FROM or sum(found.sizes) >= KEPT_FROM_OCTETS):
        _save(maildir, pop3_list.write(found))
    return found


def _survey(maildir: bytes, known: Listing, stamp: bytes) -> Listing:
    there, strange = maildir_reader.compare(maildir, dict(zip(known.paths, range(len(known.paths)), strict=True)))
    there.sort()
    rows = [(known.wire_sizes[i], known.sizes[i], known.mtimes_ns[i], known.paths[i]) for i in there]
    if strange:
        rows = _with_strange(maildir, rows, known, strange)
    wire_sizes, sizes, mtimes_ns, paths = map(list, zip(*rows, strict=True)) if rows else ([], [], [], [])
    return Listing(stamp, wire_sizes, sizes, mtimes_ns, paths)


def _with_strange(maildir: bytes, rows: list[Row], known: Listing, strange: list[tuple[int, bytes]]) -> list[Row]:
    """strange: (inode, path) of what has a name that is not in the list."""
    by_base = {_base(path): i for i, path in enumerate(known.paths)}
    unknown = []
    for inode, path in strange:
        i = by_base.get(_base(path))
        if i is None:
            unknown.append((inode, path))
        else:
            rows.append((known.wire_sizes[i], known.sizes[i], known.mtimes_ns[i], path))
    rows.extend(_look(maildir, unknown))
    rows.sort(key=lambda row: (row[2], row[3][4:]))
    # a message caught while it moved from new to cur is one message
    return list({_base(row[3]): row for row in rows}.values())


def _base(path: bytes) -> bytes:
    return path[4:].partition(b":")[0]


def _look(maildir: bytes, unknown: list[tuple[int, bytes]]) -> Iterator[Row]:
    """unknown: (inode, path). What is gone by now, or is no message of ours, is left out."""
    unread = []
    for _inode, path in sorted(unknown):
        wire = maildirname.wire_size(path)
        if wire is None:
            unread.append(path)
        elif (st := maildir_reader.look(maildir + b"/" + path)) is not None:
            yield wire, st.st_size, st.st_mtime_ns, path
    for at in range(0, len(unread), _AT_ONCE):
        yield from _measure(maildir, unread[at : at + _AT_ONCE])


def _measure(maildir: bytes, unread: list[bytes]) -> Iterator[Row]:
    opened = [(path, maildir_reader.open_unread(maildir + b"/" + path)) for path in unread]
    for path, file in opened:
        if file is not None:
            fd, st = file
            yield _wire_size(fd, st.st_size), st.st_size, st.st_mtime_ns, path


def _wire_size(fd: int, size: int) -> int:
    """Closes the descriptor. A message that cannot be read is as long as its file: asking for it will tell."""
    try:
        return wire_size((os.read(fd, size),) if size <= _PIECE else pieces(fd))
    except OSError:
        return size
    finally:
        os.close(fd)


def pieces(fd: int) -> Iterator[bytes]:
    """A file from where it stands to its end. Raises OSError."""
    while piece := os.read(fd, _PIECE):
        yield piece


# -- the file ----------------------------------------------------------------------------------------------------------------------


def _load(maildir: bytes) -> Listing:
    try:
        fd = os.open(os.path.join(maildir, NAME), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # it can be made again
        return _NOTHING
    try:
        return pop3_list.read(os.read(fd, os.fstat(fd).st_size))
    except (OSError, ValueError):
        return _NOTHING
    finally:
        os.close(fd)


def _save(maildir: bytes, data: bytes) -> None:
    """Renamed into place but not synced: after a crash it is made again. On a full disk it is done without."""
    path = os.path.join(maildir, NAME)
    temporary = b"%b.%d" % (path, os.getpid())
    try:
        try:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with open(fd, "wb") as file:
                file.write(data)
            os.rename(temporary, path)
        except OSError:
            os.unlink(temporary)
    except OSError:
        pass
