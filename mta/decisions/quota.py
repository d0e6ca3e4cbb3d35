"""Does one more message fit into a mailbox, and how full is it?

Source   vpopmail maildirquota.c, Courier maildirquota(7)
"""

from __future__ import annotations

from mta.formats.maildirsize import RECOUNT_SIZE, Quota, Usage

WARN_PERCENT = 90
_OVER_RECOUNT_S = 15 * 60


def fits(quota: Quota, usage: Usage, size_bytes: int) -> bool:
    if quota.size_bytes and usage.size_bytes + size_bytes > quota.size_bytes:
        return False
    return not (quota.messages and usage.messages + 1 > quota.messages)


def percent(quota: Quota, usage: Usage) -> int | None:
    """How full: the larger of octets and messages, or None without a limit. May be over 100."""
    parts = []
    if quota.size_bytes:
        parts.append(usage.size_bytes * 100 // quota.size_bytes)
    if quota.messages:
        parts.append(usage.messages * 100 // quota.messages)
    return max(parts, default=None)


def needs_recount(*, file_size: int, age_s: int, quota_matches: bool, is_over: bool) -> bool:
    """Is maildirsize to be made afresh by counting the files?"""
    return not quota_matches or file_size >= RECOUNT_SIZE or (is_over and age_s > _OVER_RECOUNT_S)
