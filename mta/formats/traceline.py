"""The lines that a delivery puts before a message, each with its newline.

Delivered-To  who it was delivered to, as the delivery knows it; a message that already has the same line is looping
Return-Path   the envelope sender, quoted
From_         what begins a message in an mbox; spaces, tabs and newlines of the sender are dashes in it
Example       b"Delivered-To: joe@example.org\\n", b"Return-Path: <ada@example.net>\\n", b"From ada@example.net Sat Jan 03 01:05:34 1996\\n"
Limits        none; a newline inside an address becomes "_"
Source        qmail-local(8), qmail-command(8) DTLINE RPLINE UFLINE, mbox(5)
"""

from __future__ import annotations

from mta.formats import address, date822

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_DASHES = bytes.maketrans(b" \t\n", b"---")


def delivered_to(recipient: bytes) -> bytes:
    return b"Delivered-To: %b\n" % recipient.replace(b"\n", b"_")


def return_path(sender: bytes) -> bytes:
    return b"Return-Path: <%b>\n" % address.quote(sender).replace(b"\n", b"_")


def mbox_from(sender: bytes, now_s: int) -> bytes:
    return b"From %b %b\n" % (sender.translate(_DASHES) or b"MAILER-DAEMON", date822.mbox(now_s))


def in_header(pieces: Iterable[bytes], line: bytes) -> bool:
    """Does the header hold this very line (with its newline)? pieces: the message from its beginning; no more are taken than the header
    needs, and none is kept. A last line without its newline is no line yet, and case matters, as in the original."""
    wanted = b"\n" + line
    window = b"\n"
    for piece in pieces:
        window += piece
        end = window.find(b"\n\n")
        if wanted in (window if end < 0 else window[: end + 1]):
            return True
        if end >= 0:
            return False
        window = window[-len(wanted) :]
    return False
