"""todo/N (and intd/N, the same file under another name): the envelope as qmail-queue leaves it for qmail-send.

Records  a letter, data, NUL, nothing between: u uid, p pid, F sender, T recipient; readers take them in any order.
Example  b"u7791\\0p812\\0Fada@example.org\\0Tbo@example.net\\0"
Written  by qmail-queue.   Read by qmail-send (todo).
Crash    no name todo/N, no message: making that name is the instant of acceptance.
Source   envelopes(5), INTERNALS 2 and 3, qmail-send.c todo_do
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Todo:
    uid: int  # who ran qmail-queue
    pid: int  # the "qp" of log lines
    sender: bytes | None  # b"" is the null sender; None: the file has no F record
    recipients: tuple[bytes, ...]


def write(todo: Todo, extra: bytes = b"") -> bytes:
    """extra is qmail's QUEUE_EXTRA: whole T records put before the first recipient."""
    head = b"u%d\0p%d\0F%b\0%b" % (todo.uid, todo.pid, todo.sender or b"", extra)
    return head + b"".join(b"T%b\0" % r for r in todo.recipients)


def read(data: bytes) -> Todo:
    """Raises ValueError on a record of another letter. Bytes after the last NUL are ignored."""
    uid = pid = 0
    sender: bytes | None = None
    recipients = []
    for record in data.split(b"\0")[:-1]:
        letter, value = record[:1], record[1:]
        if letter == b"T":
            recipients.append(value)
        elif letter == b"F":
            sender = value
        elif letter == b"u":
            uid = leading_number(value)
        elif letter == b"p":
            pid = leading_number(value)
        else:
            raise ValueError("unknown record type")
    return Todo(uid, pid, sender, tuple(recipients))


def leading_number(text: bytes) -> int:
    """As many digits as there are; none: 0 (scan_ulong)."""
    digits = text[: len(text) - len(text.lstrip(b"0123456789"))]
    return int(digits) if digits else 0
