"""Names of messages in a Maildir: "UNIQUE[,S=SIZE][,W=SIZE]", and in cur/ ":2,FLAGS" behind it.

Example  b"1795218915.I27a1f8M504211R5ab1f0c29e7d4418.mx,S=2174:2,RS"
Flags    D draft, F flagged, P passed (forwarded), R replied, S seen, T trashed; a-z are keywords; written in ASCII order.
Limits   readers never take a name apart but for flags, S= and W=; names that begin with "." are not messages; in HOST "/" is
         written "\\\\057" and ":" "\\\\072".
Source   maildir(5), cr.yp.to/proto/maildir.html, Courier's Maildir++ for S= and W=
"""

from __future__ import annotations

from _blake2 import blake2b

_INFO = b":2,"
_NUMBER_MAX = 20  # what is longer is no size of a file


def split(name: bytes) -> tuple[bytes, bytes]:
    """File name -> (what stays the same for the life of the message, flags). Unknown kinds of info have no flags."""
    base, colon, info = name.partition(b":")
    return (base, info[2:]) if colon and info[:2] == b"2," else (base, b"")


def join(base: bytes, flags: bytes) -> bytes:
    """Name in cur/: flags sorted, each once; what is not a letter is dropped."""
    return base + _INFO + bytes(sorted({f for f in flags if 65 <= f <= 90 or 97 <= f <= 122}))


def size(name: bytes) -> int | None:
    """The S= of a name, or None."""
    return _number(name, b"S=")


def wire_size(name: bytes) -> int | None:
    """The W= of a name, octets with CRLF line ends, or None."""
    return _number(name, b"W=")


def _number(name: bytes, tag: bytes) -> int | None:
    if b"," + tag not in name:
        return None
    for part in name.partition(b":")[0].split(b",")[1:]:
        if part.startswith(tag) and part[2:].isdigit() and len(part) < _NUMBER_MAX:
            return int(part[2:])
    return None


def unique(*, seconds: int, microseconds: int, inode: int, recipient: int, host: bytes, size_bytes: int) -> bytes:
    """The name under which one copy of a queued message is delivered. All of it comes from the queued message (its inode and time) and
    from the recipient, so that delivering it again after a crash gives the same name and not a second copy. The number of the disk is
    left out: it may be another one after the crash."""
    return b"%d.I%xM%dR%x.%b,S=%d" % (seconds, inode, microseconds, recipient, safe_host(host), size_bytes)


def recipient_number(address: bytes, line: int) -> int:
    """64 bits for unique(): the address a copy is delivered to, and which of its instructions said so."""
    return int.from_bytes(blake2b(b"%d:%b" % (line, address), digest_size=8).digest(), "big")


def fresh(*, seconds: int, microseconds: int, pid: int, serial: int, host: bytes, size_bytes: int) -> bytes:
    """A name for a message that comes from nowhere in the queue. serial: counts what the process made so far."""
    return b"%d.M%dP%dQ%d.%b,S=%d" % (seconds, microseconds, pid, serial, safe_host(host), size_bytes)


def safe_host(host: bytes) -> bytes:
    return host[:64].replace(b"/", b"\\057").replace(b":", b"\\072") or b"localhost"
