"""Maildir/tawny-pop3-list: a Maildir as a POP3 session found it, so that the next one need not look at every message again.

Lines    "tawny-pop3-list 1 COUNT STAMP", then for each message, in the order of the session,
         "WIRE SIZE MTIME PATH": octets with CRLF line ends, octets of the file, its time in nanoseconds, where it lies
STAMP    of new/ and cur/ when they were listed (unix/maildir_reader.stamp): while they have it, the list is all that is in them.
         "-": a folder had changed in that very moment and may have changed once more.
Example  b"tawny-pop3-list 1 1 1201.1795218915000000000.1202.1795218915000000000\\n"
         b"2231 2174 1795218915000000000 cur/1795218915.I27a1f8M504211R5ab1f0c29e7d4418.mx,S=2174:2,S\\n"
Limits   names with white space are left out, and then there is no stamp
Written  by a POP3 session that found something new.   Read by the next one.
Crash    replaced by rename, not synced: it may be empty or cut short, which its COUNT gives away, and then it is made again. It may be
         removed at any time.
Source   Courier's courierpop3dsizelist and Dovecot's dovecot-uidlist for the idea
"""

from __future__ import annotations

from dataclasses import dataclass

NO_STAMP = b"-"
_MAGIC = b"tawny-pop3-list 1"
_COLUMNS = 4
_WHITE = b" \t\n\v\f\r"  # where bytes.split() splits
_FOLDERS = (b" new/", b" cur/")


@dataclass(frozen=True, slots=True)
class Listing:
    """Columns, for ten thousand records cost more than the session has time for: [i] of each list is one message."""

    stamp: bytes
    wire_sizes: list[int]
    sizes: list[int]
    mtimes_ns: list[int]
    paths: list[bytes]  # b"new/NAME" or b"cur/NAME"


def read(data: bytes) -> Listing:
    """Raises ValueError for anything that was not written whole by us."""
    fields = data.split()
    magic, count, stamp = b" ".join(fields[:2]), fields[2:3], fields[3:_COLUMNS]  # the first line has as many words as the others
    n = len(fields) // _COLUMNS - 1
    if magic != _MAGIC or count != [b"%d" % n] or len(fields) % _COLUMNS or not data.endswith(b"\n"):
        raise ValueError("tawny-pop3-list is damaged")
    if data.count(b"/") != n or sum(map(data.count, _FOLDERS)) != n:
        raise ValueError("tawny-pop3-list names something outside of new and cur")
    wire_sizes, sizes, mtimes_ns = (list(map(int, fields[column::_COLUMNS])) for column in range(_COLUMNS, 2 * _COLUMNS - 1))
    return Listing(stamp[0], wire_sizes, sizes, mtimes_ns, fields[2 * _COLUMNS - 1 :: _COLUMNS])


def write(listing: Listing) -> bytes:
    rows = list(zip(listing.wire_sizes, listing.sizes, listing.mtimes_ns, listing.paths, strict=True))
    stamp = listing.stamp
    names = b"".join(listing.paths)
    if names.translate(None, _WHITE) != names:
        rows = [row for row in rows if row[-1].translate(None, _WHITE) == row[-1]]
        stamp = NO_STAMP
    return b"%b %d %b\n" % (_MAGIC, len(rows), stamp) + b"".join([b"%d %d %d %b\n" % row for row in rows])
