"""The mailbox of one session: the snapshot its verbs work on, and the acts behind their effects.

Sizes    the classic profile says what the file measures. The RFC profile says what will be sent: from W= in the name, else from
         tawny-pop3-sizes, else by reading the message once and noting it there.
UIDs     the unique name of the message, as qmail-pop3d has it, so that clients of a mailbox that moves to us need not load everything
         again; it may be longer than RFC 1939's 70 octets. A name with bytes that no UID may hold is told as a digest.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

from mta.formats import maildirname, pop3_sizes
from mta.net.pop3.state import Message, Profile
from mta.net.pop3.text import wire_size
from mta.unix import maildir_reader
from mta.unix.maildir_reader import Entry, Maildir

SIZES_FILE = b"tawny-pop3-sizes"
_PIECE = 1 << 16
_UID_BYTES = frozenset(range(0x21, 0x7F))


class Mailbox:
    """messages[i] is what entries[i] of the Maildir is in a session."""

    def __init__(self, maildir: Maildir, messages: tuple[Message, ...]) -> None:
        self._maildir = maildir
        self.messages = messages

    def open(self, index: int) -> int:
        """A descriptor to read a message from. Raises OSError."""
        return self._maildir.open(self._maildir.entries[index])

    def commit(self, deleted: int) -> int:
        """deleted: bit i stands for messages[i]. -> how many of them could not be removed."""
        listed = self._maildir.entries
        failures = self._maildir.remove(entry for i, entry in enumerate(listed) if deleted >> i & 1)
        self._maildir.move_to_cur(entry for i, entry in enumerate(listed) if not deleted >> i & 1)
        return failures


def open_(path: bytes, profile: Profile, now_s: int) -> Mailbox:
    """path: of the Maildir. Raises OSError when it cannot be listed."""
    maildir_reader.clean_tmp(path, now_s)
    listed = maildir_reader.entries(path)
    if profile.is_classic:
        # a message of this very second waits for the next session, so that messages keep their order
        listed = [e for e in listed if e.mtime_ns // 1_000_000_000 < now_s]
        return Mailbox(Maildir(path, listed), tuple(Message(uid(e.base), e.size_bytes) for e in listed))
    listed = list({e.base: e for e in listed}.values())  # a message caught while it moved from new to cur is one message
    maildir = Maildir(path, listed)
    return Mailbox(maildir, tuple(map(Message, (uid(e.base) for e in listed), _sizes(maildir))))


def uid(base: bytes) -> bytes:
    if _UID_BYTES.issuperset(base):
        return base
    return hashlib.sha256(base).hexdigest()[:40].encode()


def _sizes(maildir: Maildir) -> list[int]:
    path = os.path.join(maildir.path, SIZES_FILE)
    known = _load(path)
    measured = 0
    sizes: list[int] = []
    kept: dict[tuple[bytes, int], int] = {}
    for entry in maildir.entries:
        size = maildirname.wire_size(entry.path)
        if size is None:
            key = entry.base, entry.size_bytes
            size = known.get(key)
            if size is None:
                size = _measure(maildir, entry)
                measured += 1
            kept[key] = size
        sizes.append(size)
    if measured:
        _save(path, kept)
    return sizes


def _load(path: bytes) -> dict[tuple[bytes, int], int]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # it can be made again
        return {}
    try:
        return pop3_sizes.read(b"".join(pieces(fd)))
    except OSError:
        return {}
    finally:
        os.close(fd)


def _save(path: bytes, sizes: dict[tuple[bytes, int], int]) -> None:
    """Renamed into place but not synced: after a crash it is measured again. On a full disk it is done without."""
    temporary = b"%b.%d" % (path, os.getpid())
    try:
        try:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with open(fd, "wb") as file:
                file.write(pop3_sizes.write(sizes))
            os.rename(temporary, path)
        except OSError:
            os.unlink(temporary)
    except OSError:
        pass


def _measure(maildir: Maildir, entry: Entry) -> int:
    try:
        fd = maildir.open(entry)
    except OSError:  # it went away; asking for it will say so
        return entry.size_bytes
    try:
        return wire_size(pieces(fd))
    except OSError:
        return entry.size_bytes
    finally:
        os.close(fd)


def pieces(fd: int) -> Iterator[bytes]:
    """A file from where it stands to its end. Raises OSError."""
    while piece := os.read(fd, _PIECE):
        yield piece
