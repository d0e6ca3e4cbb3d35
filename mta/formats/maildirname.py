"""Names of messages in a Maildir: "UNIQUE[,S=SIZE][,W=SIZE]", and in cur/ ":2,FLAGS" behind it.

Example  b"1795218915.I27a1f8V900000M504211R1c.mx,S=2174:2,RS"
Flags    D draft, F flagged, P passed (forwarded), R replied, S seen, T trashed; a-z are keywords; written in ASCII order.
Limits   readers never take a name apart but for flags, S= and W=; names that begin with "." are not messages; in HOST "/" is
         written "\\\\057" and ":" "\\\\072".
Source   maildir(5), cr.yp.to/proto/maildir.html, Courier's Maildir++ for S= and W=
"""

from __future__ import annotations

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


def unique(*, seconds: int, microseconds: int, inode: int, device: int, recipient: int, host: bytes, size_bytes: int) -> bytes:
    """The name under which one copy of a queued message is delivered. All of it comes from the queued message (its inode, device and
    time) and from the recipient, so that delivering it again after a crash gives the same name and not a second copy."""
    return b"%d.I%xV%xM%dR%x.%b,S=%d" % (seconds, inode, device, microseconds, recipient, safe_host(host), size_bytes)


def safe_host(host: bytes) -> bytes:
    return host[:64].replace(b"/", b"\\057").replace(b":", b"\\072") or b"localhost"
