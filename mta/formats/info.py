"""info/H/N: F sender NUL. Its mtime is the moment the message entered the queue, from which retries and lifetime are counted.

Written  by qmail-send (todo).   Read by qmail-send, qmail-qread.
Crash    means nothing while todo/N exists; afterwards, info/H/N is what makes N a message.
Source   INTERNALS 2, qmail-send.c getinfo
"""

from __future__ import annotations


def write(sender: bytes) -> bytes:
    return b"F%b\0" % sender


def read(data: bytes) -> bytes:
    """-> sender. Only the first record counts. Raises ValueError."""
    if data[:1] != b"F" or b"\0" not in data:
        raise ValueError("info without a sender")
    return data[1 : data.index(b"\0")]
