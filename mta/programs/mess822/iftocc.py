"""iftocc: is the message to one of these addresses?

Usage    iftocc [ADDRESS ...], mostly as the program of condredirect or bouncesaying in a dot-qmail file; without addresses: is it to
         RECIPIENT?
Reads    fd 0, of the message the header (formats/mess822_header); RECIPIENT
Exits    0 one of them is in To or Cc, in whatever letters; 100 none is; 111 the message cannot be read
Limits   the header is held in memory
Runs as  the user whose mail it is
Source   iftocc(1)
"""

from __future__ import annotations

from mta.formats import mess822, mess822_header
from mta.formats.error_str import error_str
from mta.formats.mess822 import ADDRESS
from mta.unix import header_input
from mta.unix.fds import Fds

_YES, _NO, _TEMPORARY = 0, 100, 111
_FIELDS = (b"to", b"cc")


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    wanted = frozenset(address.lower() for address in (argv or [env.get(b"RECIPIENT", b"")]))
    try:
        found = {
            text.lower()
            for field in header_input.fields(fds[0])
            if mess822_header.name(field) in _FIELDS
            for kind, text in mess822.addresses(mess822_header.value(field))
            if kind == ADDRESS
        }
    except OSError as error:
        fds.say(b"iftocc: fatal: unable to read input: %b\n" % error_str(error.errno).encode())
        return _TEMPORARY
    return _NO if wanted.isdisjoint(found) else _YES
