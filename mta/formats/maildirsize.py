"""Maildir/maildirsize: how full a mailbox is, kept by adding lines rather than by counting files.

Lines    first the quota, then "%12d %12d" (octets, messages) for each change; both may be negative; the sum is the usage.
Quota    as in formats/quota_text
Example  b"3000S,10C\\n           0            0\\n          37            1\\n"
Limits   a file of 5120 octets or more is counted afresh. Numbers wider than 12 digits still read.
Written  by whoever delivers or deletes, each change in one append.   Read by the same.
Crash    a lost line makes the sum wrong until the next count; nothing else.
Source   Courier maildirquota(7), vpopmail maildirquota.c
"""

from __future__ import annotations

from dataclasses import dataclass

from mta.formats import quota_text

RECOUNT_SIZE = 5120
NO_QUOTA = quota_text.NO_QUOTA


@dataclass(frozen=True, slots=True)
class Quota:
    """0 means: no limit of that kind."""

    size_bytes: int = 0
    messages: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    size_bytes: int = 0
    messages: int = 0


def read_quota(text: bytes) -> Quota:
    """Raises ValueError for a text that is no quota."""
    return Quota(*quota_text.read(text))


def write_quota(quota: Quota) -> bytes:
    """The canonical form: b"10485760S", b"100C", b"5242880S,100C" or b"NOQUOTA"."""
    parts = []
    if quota.size_bytes:
        parts.append(b"%dS" % quota.size_bytes)
    if quota.messages:
        parts.append(b"%dC" % quota.messages)
    return b",".join(parts) or NO_QUOTA


def read(data: bytes) -> tuple[bytes, Usage]:
    """-> (the quota line as it stands, the sum). Raises ValueError on garbage or a negative sum: count afresh."""
    rows = data.split(b"\n")
    size_bytes = messages = 0
    for row in rows[1:]:
        if not row.strip():
            continue
        try:
            octets, count = row.split()
            size_bytes += int(octets)
            messages += int(count)
        except ValueError as error:
            raise ValueError("maildirsize holds a line that is not two numbers") from error
    if size_bytes < 0 or messages < 0 or len(rows) < 2:
        raise ValueError("maildirsize does not add up")
    return rows[0], Usage(size_bytes, messages)


def change(size_bytes: int, messages: int) -> bytes:
    """One line of 26 octets."""
    return b"%12d %12d\n" % (size_bytes, messages)


def write(quota: bytes, usage: Usage) -> bytes:
    return quota + b"\n" + change(usage.size_bytes, usage.messages)
