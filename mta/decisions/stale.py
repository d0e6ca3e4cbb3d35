"""Is a message in a mailbox old enough to be taken away by its domain's policy?

Unread and read mail is old by the time it arrived (mtime), what lies in Trash by the time it came there (ctime). A message marked as
deleted counts as lying in Trash. Flagged messages are never taken away.
"""

from __future__ import annotations

from dataclasses import dataclass

from mta.formats.stale_policy import StalePolicy

DAY_S = 86400
TRASH = b".Trash"


@dataclass(frozen=True, slots=True)
class Message:
    folder: bytes  # b"" for the inbox, b".Trash", b".Work.2024" ...
    is_new: bool  # lies in new/
    flags: bytes
    arrived_s: int  # mtime
    moved_s: int  # ctime


def reason(message: Message, policy: StalePolicy, now_s: int) -> str | None:
    """Why it goes ("unread", "read", "trash"), or None: it stays."""
    if b"F" in message.flags:
        return None
    if _is_trash(message):
        return "trash" if _is_older(message.moved_s, policy.trash, now_s) else None
    if message.is_new or b"S" not in message.flags:
        return "unread" if _is_older(message.arrived_s, policy.unread, now_s) else None
    return "read" if _is_older(message.arrived_s, policy.read, now_s) else None


def _is_trash(message: Message) -> bool:
    return message.folder == TRASH or message.folder.startswith(TRASH + b".") or b"T" in message.flags


def _is_older(then_s: int, days: int | None, now_s: int) -> bool:
    return days is not None and now_s - then_s > days * DAY_S
