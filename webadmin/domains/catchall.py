"""What happens to mail for an address of a domain that nobody has: the argument of vdelivermail in .qmail-default. Pure.

Line     "|HOME/bin/vdelivermail '' ARGUMENT"; ARGUMENT is bounce-no-mailbox, delete, an address, or the directory of a mailbox with a slash
Limits   the line is run by a shell, so an address or directory must be made of letters, digits and . _ + = @ / -
Source   ecosystem 6.2, 6.5
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

_LINE = re.compile(rb"^\|[ \t]*(?P<program>[^\s'\"]*vdelivermail)[ \t]+(''|\"\")[ \t]+(?P<argument>[^\n]*?)[ \t]*$", re.MULTILINE)
_SAFE = re.compile(r"[A-Za-z0-9._+=@/-]+")
BOUNCE, DELETE = "bounce-no-mailbox", "delete"


class Kind(Enum):
    BOUNCE = "bounce"
    DELETE = "delete"
    FORWARD = "forward"
    MAILBOX = "mailbox"
    OTHER = "other"  # no vdelivermail: somebody wrote something else


@dataclass(frozen=True, slots=True)
class CatchAll:
    kind: Kind
    value: str = ""  # the address, or the mailbox's directory


def read(body: bytes | None) -> CatchAll:
    found = _LINE.search(body or b"")
    if found is None:
        return CatchAll(Kind.OTHER)
    argument = found["argument"].decode("utf-8", "replace").strip("'\"")
    if argument == BOUNCE:
        return CatchAll(Kind.BOUNCE)
    if argument == DELETE:
        return CatchAll(Kind.DELETE)
    return CatchAll(Kind.FORWARD, argument) if "@" in argument else CatchAll(Kind.MAILBOX, argument.rstrip("/"))


def write(body: bytes | None, wanted: CatchAll, home: bytes) -> bytes:
    """The file with this catch-all in place of the one it had, or at its end. home: of the instance, for a first line.
    Raises ValueError when the value cannot stand in a shell's line."""
    argument = _argument(wanted).encode()
    found = _LINE.search(body or b"")
    if found is None:
        before = body if not body or body.endswith(b"\n") else body + b"\n"
        return (before or b"") + b"|%b/bin/vdelivermail '' %b\n" % (home, argument)
    assert body is not None
    return body[: found.start("argument")] + argument + body[found.end("argument") :]


def _argument(wanted: CatchAll) -> str:
    if wanted.kind is Kind.BOUNCE:
        return BOUNCE
    if wanted.kind is Kind.DELETE:
        return DELETE
    if wanted.kind is Kind.OTHER or not _SAFE.fullmatch(wanted.value) or wanted.value.startswith("-"):
        raise ValueError("not fit for a shell's line")
    return wanted.value if wanted.kind is Kind.FORWARD else wanted.value.rstrip("/") + "/"
