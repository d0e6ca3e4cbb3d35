"""Forwards in a .qmail file, and its other lines left alone. Pure.

Managed  lines "&address" (or a bare address), and of a mailbox the line that delivers to its own Maildir. They are rewritten, all in one
         place: where the first of them stood, so that a program before them still runs before them, or at the end.
Others   comments, programs, other files: stay as they are and in their order.
"""

from __future__ import annotations

from collections.abc import Sequence

from mta.formats import dotqmail
from mta.formats.dotqmail import Kind, Line


def forwards(body: bytes | None) -> list[str]:
    """The addresses, in order."""
    return [line.text.decode("utf-8", "replace") for line in dotqmail.read(body or b"") if line.kind is Kind.FORWARD]


def keeps_copy(body: bytes | None, maildir: bytes) -> bool:
    """Does mail reach the mailbox itself? An absent or empty file says yes."""
    lines = dotqmail.read(body or b"")
    return not any(line.kind is not Kind.COMMENT for line in lines) or any(_is_own(line, maildir) for line in lines)


def has_others(body: bytes | None, maildir: bytes = b"") -> bool:
    """Are there lines written by hand?"""
    return any(not _is_managed(line, maildir) for line in dotqmail.read(body or b""))


def rewrite(body: bytes | None, targets: Sequence[str], copy_to: bytes = b"", maildir: bytes = b"") -> bytes | None:
    """The file with these forwards. maildir: the mailbox's own, whose line is managed; copy_to: the same to keep a copy, or b"".
    None: nothing is left to say, and no file says the same. Raises ValueError when an address cannot stand in it."""
    managed = b"".join(dotqmail.forward_line(t.encode()) for t in targets)
    if copy_to:
        managed += copy_to + b"\n"
    before, after = _others(body, maildir)
    if not before and not after and not targets:
        return None
    return before + managed + after


def _others(body: bytes | None, maildir: bytes) -> tuple[bytes, bytes]:
    """The lines that stay: before the first managed one, and after it."""
    rows = [row + b"\n" for row in (body or b"").split(b"\n")]
    parts: tuple[list[bytes], list[bytes]] = ([], [])
    is_after = False
    for row, line in zip(rows, dotqmail.read(body or b""), strict=False):
        if _is_managed(line, maildir):
            is_after = True
        else:
            parts[is_after].append(row)
    return b"".join(parts[0]), b"".join(parts[1])


def _is_managed(line: Line, maildir: bytes) -> bool:
    return line.kind is Kind.FORWARD or _is_own(line, maildir)


def _is_own(line: Line, maildir: bytes) -> bool:
    return line.kind is Kind.MAILDIR and line.text in (maildir, b"./Maildir/")
