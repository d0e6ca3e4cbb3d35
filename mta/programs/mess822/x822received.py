"""822received: print the way the message came, oldest step first.

Usage    822received < MESSAGE
Reads    fd 0, of the message the Received fields (formats/mess822_header); TZ
Writes   fd 1: for each, its time in local time as ctime(3) does, or three tabs where it has none; then its text, its parts "from", "by",
         "for", "id" and what follows the semicolon on lines of their own
Exits    0; 111 unable to read or write
Limits   the header is held in memory
Runs as  whoever may read the message
Source   822received(1)
"""

from __future__ import annotations

import time

from mta.formats import mess822, mess822_header, mess822_when
from mta.formats.mess822 import PAREN, TEXT
from mta.unix import header_input, say
from mta.unix.fds import Fds

PROGRAM = b"822received"
_BREAK = b"\n\t\t\t "
_NO_TIME = b"\t\t\t"
_PARTS = (b"from", b"by", b"for", b"id")
_BLANKS = (b" ", b"\t")


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    try:
        found = [f for f in header_input.fields(fds[0]) if mess822_header.name(f) == b"received"]
    except OSError as error:
        return say.fatal(fds, PROGRAM, b"unable to read input", error)
    try:
        fds.write(1, b"".join(_step(mess822_header.value(field)) for field in reversed(found)))
    except OSError as error:
        return say.fatal(fds, PROGRAM, b"unable to write output", error)
    return 0


def _step(value: bytes) -> bytes:
    when = mess822_when.read(value)
    return b"%b %b\n" % (_NO_TIME if when is None else mess822_when.ctime(when.unix_s(), time.localtime), b"".join(_text(value)))


def _text(value: bytes) -> list[bytes]:
    """One blank for many, and line breaks before the parts, as far as the semicolon."""
    out: list[bytes] = []
    has_begun = is_after_blank = is_date = False
    for kind, text in mess822.tokens(value):
        if kind in _BLANKS:
            if has_begun and not is_after_blank:
                out.append(b" ")
            is_after_blank = has_begun and not is_date
            continue
        if kind == b";":
            out += [_BREAK, b";"] if has_begun and not is_date else [b";"]
            is_date = True
        elif kind == TEXT and is_after_blank and text.lower() in _PARTS:
            out += (_BREAK, text)
        else:
            out.append(b"(%b)" % text if kind == PAREN else text)
        has_begun, is_after_blank = True, False
    return out
