"""sendmail's :include: files, compiled into lists of fastforward (formats/maillist).

Lines    any number of recipients each (formats/sendmail_list): addresses, or :include:NAME, which becomes the path NAME as it stands, for
         it is a compiled list that fastforward looks into; a line that begins with "#" says nothing
Refused  files and programs: who may write a list must not run anything
Order    of a line last one first, as the original has them
Example  b"a, b@X.org\\n:include:more.bin\\n" gives &b@X.org, &a@host.example.org, ./more.bin
Limits   800 octets an address
Written  by the owners of lists.   Read by newinclude.
Source   newinclude(1)
"""

from __future__ import annotations

from mta.formats import sendmail_list
from mta.formats.forwards import ADDRESS_MAX, FORWARD, PATHS, Refused
from mta.formats.sendmail_list import FILE, PROGRAM, Defaults, Item

_FOR_NOW = 111
_BLANKS = (b" ", b"\t")


def items(text: bytes, defaults: Defaults) -> list[bytes]:
    """-> those of the list, in order. Raises Refused."""
    return [item for line in sendmail_list.lines(text) for item in _of_line(line, defaults)]


def _of_line(line: bytes, defaults: Defaults) -> list[bytes]:
    try:
        found = sendmail_list.items(line)
    except ValueError as error:
        raise Refused(b"unable to parse this line: " + line.rstrip(b"\n"), _FOR_NOW) from error
    return [_include(item.text) if item.is_include else _address(item, defaults) for item in found if item.text or item.is_include]


def _include(name: bytes) -> bytes:
    if not name:
        raise Refused(b"empty :include: filenames not permitted", _FOR_NOW)
    return _one_line(name if name.startswith(PATHS) else b"./" + name, b":include: filenames")


def _address(item: Item, defaults: Defaults) -> bytes:
    if item.is_a(FILE) or item.is_a(PROGRAM):
        what = b"file" if item.is_a(FILE) else b"program"
        raise Refused(b"%b delivery %b not supported" % (what, item.text), _FOR_NOW)
    address = _one_line(defaults.full(item), b"recipient addresses")
    if len(address) > ADDRESS_MAX:
        raise Refused(b"addresses must be under 800 bytes", _FOR_NOW)
    if address.endswith(_BLANKS):
        raise Refused(b"spaces and tabs not permitted at ends of addresses", _FOR_NOW)
    return FORWARD + address


def _one_line(text: bytes, what: bytes) -> bytes:
    if b"\n" in text:
        raise Refused(b"newlines not permitted in " + what, _FOR_NOW)
    if b"\0" in text:
        raise Refused(b"NUL not permitted in " + what, _FOR_NOW)
    return text
