"""bounce/N and the bounce message (QSBMF): what a sender is told about recipients that failed for good.

bounce/N   paragraphs, one per failed recipient: "<address>:" line, report text, empty line. Inside a paragraph no two newlines follow
           each other (the second becomes "/"), so that an empty line always ends it.
Example    b"<bo@example.net>:\\nSorry, no mailbox here by that name. (#5.1.1)\\n\\n"
Message    Date, From, To, Subject; a greeting that begins "Hi. This is the"; the paragraphs; a line that begins "---"; Return-Path
           and the message as it stood in the queue. No Message-ID, no MIME: other software knows the format by these bytes.
Written    by qmail-send.   Read by qmail-send; the message by list managers and people.
Crash      the paragraph is synced before its recipient is marked done, so no failure goes untold (the original may lose it). What stands
           behind the last empty line is a piece of a paragraph that was being written: it counts for nothing, and is cut off.
Source     cr.yp.to/proto/qsbmf.txt, qmail-send.c addbounce and injectbounce
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from mta.formats.address import quote, quote_box
from mta.formats.date822 import stamp

_GAVE_UP = (
    b"I'm afraid I wasn't able to deliver your message to the following addresses.\n"
    b"This is a permanent error; I've given up. Sorry it didn't work out.\n"
)
_BOUNCE_BOUNCED = b"I tried to deliver a bounce message to this address, but the bounce bounced!\n"
TOO_LONG_IN_QUEUE = b"I'm not going to try again; this message has been in the queue too long.\n"
_FIRST_LINE = re.compile(rb"(?:\A|\n\n+)<([^\n]*)>:(?=\n)")


def paragraph(recipient: bytes, report: bytes) -> bytes:
    """recipient as the sender knew it (without the prefix of a virtual domain); report: text after its letter."""
    text = b"<%b>:\n%b" % (one_line(recipient), report)
    if report and not report.endswith(b"\n"):
        text += b"\n"
    body = bytearray(text[:-1])
    for i in range(1, len(body)):
        if text[i] == 10 and text[i - 1] == 10:
            body[i] = 0x2F
    return bytes(body) + text[-1:] + b"\n"


def one_line(recipient: bytes) -> bytes:
    """A recipient as its paragraph names it."""
    return recipient.replace(b"\n", b"_")


def whole(data: bytes) -> int:
    """How many octets of a bounce/N are whole paragraphs."""
    return data.rfind(b"\n\n") + 2 if b"\n\n" in data else 0


def told(data: bytes) -> Counter[bytes]:
    """How many whole paragraphs there are of each recipient, by its one_line."""
    return Counter(_FIRST_LINE.findall(data[: whole(data)]))


def head(*, now_s: int, bouncefrom: bytes, bouncehost: bytes, recipient: bytes, is_double: bool) -> bytes:
    """All that stands before the paragraphs."""
    sender = b"%b@%b" % (quote_box(bouncefrom), bouncehost)
    return (
        b"Date: %b\nFrom: %b\nTo: %b\nSubject: failure notice\n\nHi. This is the qmail-send program at %b.\n%b\n"
        % (stamp(now_s), sender, quote(recipient), bouncehost, _BOUNCE_BOUNCED if is_double else _GAVE_UP)
    )  # fmt: skip


def tail(*, original_sender: bytes, is_double: bool) -> bytes:
    """All that stands between the paragraphs and the original message."""
    what = b"the original bounce" if is_double else b"a copy of the message"
    return b"--- Below this line is %b.\n\nReturn-Path: <%b>\n" % (what, quote(original_sender))


_COPY = b"\n--- Below this line is a copy of the message.\n"
_LEFT_OUT = b"\n--- The rest has been left out.\n"
_TRIMMED_MAX = 1 << 14  # octets of a bounce that is none of ours


def trimmed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The message of a double bounce, without the copy of a message in it: to whoever reads double bounces it is mostly spam."""
    text = b""
    for piece in pieces:
        text += piece
        end = text.find(_COPY, 0, _TRIMMED_MAX)
        if end >= 0 or len(text) > _TRIMMED_MAX:
            yield text[: end if end >= 0 else _TRIMMED_MAX] + _LEFT_OUT
            return
    yield text
