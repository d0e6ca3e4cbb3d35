"""domains/D/.qmailadmin-limits: how much of everything a domain may have. No file, no line: no limit.

Lines    "KEY NUMBER"; a space, a tab or a colon between; "#" comments. The last of several counts. Keys: those of Limits
         Other lines (disable_pop, perm_account ...) are kept, and say nothing here.
Example  b"maxpopaccounts: 50\\nmaxforwards -1\\nquota 2000\\ndefault_quota 104857600\\n"
Limits   numbers of 15 digits. -1 is no limit; 0 none at all, but for the quotas and counts of messages, where it is no limit.
Written  by the control installer; by vmoddomlimits and qmailadmin.   Read by the acts of the web and by the import.
Source   vpopmail vlimits.c, vlimits.h
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

FILE_NAME = b".qmailadmin-limits"
NUMBER_MAX = 10**15 - 1
_NOT_ZERO = frozenset(("quota", "maxmsgcount", "default_quota", "default_maxmsgcount"))


@dataclass(frozen=True, slots=True)
class Limits:
    """None: no limit."""

    maxpopaccounts: int | None = None  # mailboxes
    maxaliases: int | None = None
    maxforwards: int | None = None
    maxautoresponders: int | None = None
    maxmailinglists: int | None = None
    quota: int | None = None  # of the domain: MiB
    maxmsgcount: int | None = None  # ... and messages
    default_quota: int | None = None  # of a new mailbox: octets
    default_maxmsgcount: int | None = None  # ... and messages


KEYS = tuple(field.name for field in fields(Limits))


def read(data: bytes) -> Limits:
    """What is no line of ours, or no number, says nothing."""
    found: dict[str, int | None] = {}
    for row in data.split(b"\n"):
        key = _key(row)
        if key is not None:
            found[key] = _number(row, key)
    return Limits(**found)


def _words(row: bytes) -> list[bytes]:
    return row.replace(b":", b" ").split()


def _key(row: bytes) -> str | None:
    """Of a line with one of our keys and a number."""
    words = _words(row)
    name = words[0].decode("latin-1") if words else ""
    is_ours = name in KEYS and len(words) > 1 and words[1].removeprefix(b"-").isdigit() and len(words[1]) <= len(str(NUMBER_MAX))
    return name if is_ours else None


def _number(row: bytes, key: str) -> int | None:
    number = int(_words(row)[1])
    return None if number < 0 or (number == 0 and key in _NOT_ZERO) else number


def edited(data: bytes | None, wanted: Mapping[str, int | None]) -> bytes | None:
    """The file with these limits (None: without it), each where it stood before, new ones at the end; other lines stay.
    None: nothing is left to say."""
    left = dict(wanted)
    rows = []
    for row in (data or b"").split(b"\n")[: None if data and not data.endswith(b"\n") else -1]:
        key = _key(row)
        if key not in wanted:
            rows.append(row)
        elif key in left and (number := left.pop(key)) is not None:
            rows.append(b"%b %d" % (key.encode(), number))
    rows += [b"%b %d" % (key.encode(), number) for key, number in left.items() if number is not None]
    return b"".join(row + b"\n" for row in rows) or None
