"""The mailbox of one session: the snapshot its verbs work on, and the acts behind their effects.

Sizes    the classic profile says what the file measures. The RFC profile says what will be sent: from W= in the name, else from
         tawny-pop3-list, else by reading the message once (net/pop3/listing).
UIDs     the unique name of the message, as qmail-pop3d has it, so that clients of a mailbox that moves to us need not load everything
         again; it may be longer than RFC 1939's 70 octets. A name with bytes that no UID may hold is told as a digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from mta.formats.pop3_list import NO_STAMP, Listing
from mta.net.pop3 import listing
from mta.net.pop3.state import Profile
from mta.unix import maildir_reader
from mta.unix.maildir_reader import Entry, Maildir

_UID_BYTES = bytes(range(0x21, 0x7F))


class Mailbox:
    """sizes[i] and uids[i] belong to message i + 1 of a session."""

    def __init__(self, path: bytes, listed: Listing) -> None:
        self._listed = listed
        self._maildir = Maildir(path)
        self.sizes = listed.wire_sizes
        self.uids = uids(listed.paths)

    def _entry(self, index: int) -> Entry:
        """Made when it is asked for: most sessions touch few of their messages."""
        listed = self._listed
        return Entry(listed.paths[index], listed.sizes[index], listed.mtimes_ns[index])

    def open(self, index: int) -> int:
        """A descriptor to read a message from. Raises OSError."""
        return self._maildir.open(self._entry(index))

    def commit(self, deleted: int) -> int:
        """deleted: bit i stands for message i + 1. -> how many of them could not be removed."""
        doomed = {i for i, bit in enumerate(reversed(f"{deleted:b}")) if bit == "1"}
        failures = self._maildir.remove(self._entry(i) for i in sorted(doomed))
        fresh = [i for i, path in enumerate(self._listed.paths) if path.startswith(b"new/")]
        self._maildir.move_to_cur(self._entry(i) for i in fresh if i not in doomed)
        return failures


def open_(path: bytes, profile: Profile, now_s: int) -> Mailbox:
    """path: of the Maildir. Raises OSError when it cannot be listed."""
    maildir_reader.clean_tmp(path, now_s)
    return Mailbox(path, _as_files(path, now_s) if profile.is_classic else listing.list_(path, now_s * 1_000_000_000))


def _as_files(path: bytes, now_s: int) -> Listing:
    """The classic profile's: a message of this very second waits for the next session, so that messages keep their order."""
    found = [e for e in maildir_reader.entries(path) if e.mtime_ns // 1_000_000_000 < now_s]
    sizes = [e.size_bytes for e in found]
    return Listing(NO_STAMP, sizes, sizes, [e.mtime_ns for e in found], [e.path for e in found])


def uids(paths: Sequence[bytes]) -> list[bytes]:
    bases = [path[4:].partition(b":")[0] for path in paths]
    if b"".join(bases).translate(None, _UID_BYTES):  # one look at all of them together
        return [uid(base) for base in bases]
    return bases


def uid(base: bytes) -> bytes:
    if base.translate(None, _UID_BYTES):
        return hashlib.sha256(base).hexdigest()[:40].encode()
    return base
