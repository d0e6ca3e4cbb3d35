"""The table of the queue's folders and special files: path, mode, owner, group. Queue programs never make them: deploy and queue-fix do.

Source   qmail's hier.c; docs/queue-states.md
"""

from __future__ import annotations

from dataclasses import dataclass

from mta.unix.queuedir import SPLIT

FOLDER, FILE, FIFO, TCPTO = "folder", "file", "fifo", "tcpto"
MESSAGE_MODE, PRIVATE_MODE = 0o644, 0o600


@dataclass(frozen=True, slots=True)
class Entry:
    path: str  # below queue/; "" is queue/ itself
    mode: int
    owner: str
    kind: str = FOLDER
    group: str = "qmail"


@dataclass(frozen=True, slots=True)
class Files:
    """Of the messages, in one folder."""

    folder: str
    mode: int
    owner: str
    is_split: bool


def _split(name: str, mode: int, owner: str) -> tuple[Entry, ...]:
    return Entry(name, mode, owner), *(Entry(f"{name}/{i}", mode, owner) for i in range(SPLIT))


TABLE: tuple[Entry, ...] = (
    Entry("", 0o750, "qmailq"),
    Entry("pid", 0o700, "qmailq"),
    Entry("intd", 0o700, "qmailq"),
    Entry("todo", 0o750, "qmailq"),
    Entry("bounce", 0o700, "qmails"),
    *_split("mess", 0o750, "qmailq"),
    *_split("info", 0o700, "qmails"),
    *_split("local", 0o700, "qmails"),
    *_split("remote", 0o700, "qmails"),
    Entry("lock", 0o750, "qmailq"),
    Entry("lock/tcpto", 0o644, "qmailr", TCPTO),
    Entry("lock/sendmutex", 0o600, "qmails", FILE),
    Entry("lock/trigger", 0o622, "qmails", FIFO),
)

MESS = Files("mess", MESSAGE_MODE, "qmailq", True)
SIBLINGS = (  # the other files of a message
    Files("intd", MESSAGE_MODE, "qmailq", False),
    Files("todo", MESSAGE_MODE, "qmailq", False),
    Files("info", PRIVATE_MODE, "qmails", True),
    Files("local", PRIVATE_MODE, "qmails", True),
    Files("remote", PRIVATE_MODE, "qmails", True),
    Files("bounce", PRIVATE_MODE, "qmails", False),
)
