"""domains/D/.stale-mail: after how many days a domain's old mail is taken away. No file, no line: never.

Lines    "KEY DAYS": unread (mail in new/, or never seen), read (seen mail), trash (what lies in the Trash folder); "#" comments.
Example  b"unread 365\\ntrash 30\\n"
Limits   1 to 36500 days
Written  by the installer, from the domain's page.   Read by stale-mail and by the import of an instance.
"""

from __future__ import annotations

from dataclasses import dataclass

FILE_NAME = b".stale-mail"
DAYS_MAX = 36500


@dataclass(frozen=True, slots=True)
class StalePolicy:
    """Days, or None: never."""

    unread: int | None = None
    read: int | None = None
    trash: int | None = None


def read(data: bytes) -> StalePolicy:
    """Raises ValueError for any line that says something else."""
    found: dict[str, int] = {}
    for number, row in enumerate(data.split(b"\n"), 1):
        words = row.split()
        if not words or words[0].startswith(b"#"):
            continue
        key = words[0].decode("latin-1")
        if len(words) != 2 or key not in ("unread", "read", "trash") or not words[1].isdigit():
            raise ValueError(f'line {number}: not "unread", "read" or "trash" and a number of days')
        if not 1 <= int(words[1]) <= DAYS_MAX:
            raise ValueError(f"line {number}: days go from 1 to {DAYS_MAX}")
        found[key] = int(words[1])
    return StalePolicy(**found)


def write(policy: StalePolicy) -> bytes | None:
    """None: no policy needs no file."""
    pairs = (("unread", policy.unread), ("read", policy.read), ("trash", policy.trash))
    return b"".join(b"%b %d\n" % (key.encode(), days) for key, days in pairs if days is not None) or None
