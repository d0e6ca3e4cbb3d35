"""Which .qmail file answers for an extension, and what the sender of forwarded copies becomes.

Example  dash b"-", ext b"foo-bar": .qmail-foo-bar, .qmail-foo-default, .qmail-default
Limits   a slash of the extension, which a stranger chose, never leads into a directory; one of the dash, the administrator's, does
Source   dot-qmail(5), qmail-local.c qmesearch and main
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mta.formats import dotqmail
from mta.formats.address import DOUBLE_BOUNCE_SENDER, NULL_SENDER


@dataclass(frozen=True, slots=True)
class Candidate:
    name: bytes  # of the file, below the home directory
    default: bytes | None  # the value of DEFAULT when this file answers; None: not set


def candidates(dash: bytes, ext: bytes) -> Iterator[Candidate]:
    """Names in the order in which they are tried."""
    safe = dotqmail.file_name(ext)
    slash = safe.find(b"/")
    if slash < 0:
        yield Candidate(b".qmail" + dash + safe, ext[-7:] if safe.endswith(b"default") else None)
    for i in range(len(safe) if slash < 0 else slash, -1, -1):
        if i == 0 or safe[i - 1 : i] == b"-":
            yield Candidate(b".qmail" + dash + safe[:i] + b"default", ext[i:])


def new_sender(sender: bytes, *, local: bytes, host: bytes, dash: bytes, ext: bytes, exists: Callable[[bytes], bool]) -> bytes:
    """NEWSENDER: bounces of forwarded copies go to the list's owner where one is named by a -owner file."""
    if sender in (NULL_SENDER, DOUBLE_BOUNCE_SENDER):
        return sender
    base = b".qmail" + dash + dotqmail.file_name(ext) + b"-owner"
    if b"/" in ext or not exists(base):
        return sender
    if exists(base + b"-default"):
        return b"%b-owner-@%b-@[]" % (local, host)
    return b"%b-owner@%b" % (local, host)
