"""The message maildirserial sends when one could not be delivered (QSBMF, as formats/bounce, with words of its own).

Layout   Date, From, To, Subject; a greeting that begins "Hi. This is the"; one paragraph; a line that begins "---"; Return-Path and the
         message as it stood behind its Delivered-To
Written  by maildirserial -b.   Read by list managers and people.
Source   maildirserial(1), cr.yp.to/proto/qsbmf.txt
"""

from __future__ import annotations

from mta.formats.address import quote, quote_box
from mta.formats.date822 import stamp

TOO_OLD = b"This message is too old. Giving up.\n"
_GAVE_UP = (
    b"I'm afraid I wasn't able to deliver your message to the following address.\n"
    b"This is a permanent error; I've given up. Sorry it didn't work out.\n"
)
_BOUNCE_BOUNCED = b"I tried to deliver a bounce message to this address, but the bounce bounced!\n"


def head(
    *, now_s: int, bouncefrom: bytes, bouncehost: bytes, to: bytes, sender: bytes, recipient: bytes, why: bytes, is_too_old: bool
) -> bytes:
    """All that stands before the message. sender: of that message, b"" when it was a bounce itself; recipient: without its prefix; why:
    one line, without its newline."""
    who = b"%b@%b" % (quote_box(bouncefrom), bouncehost)
    words = _GAVE_UP if sender else _BOUNCE_BOUNCED
    what = b"a copy of the message" if sender else b"the original bounce"
    return (
        b"Date: %b\nFrom: %b\nTo: %b\nSubject: failure notice\n\nHi. This is the maildirbounce program at %b.\n%b\n<%b>:\n%b\n%b\n"
        b"--- Below this line is %b.\n\nReturn-Path: <%b>\n"
        % (stamp(now_s), who, quote(to), bouncehost, words, recipient, why, TOO_OLD if is_too_old else b"", what, quote(sender))
    )  # fmt: skip
