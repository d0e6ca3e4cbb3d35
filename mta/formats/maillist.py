"""LIST.bin, a mailing list as fastforward reads it, and the two texts it is made of.

Layout   items, each ended by a NUL: "&address", or the path of another list, which begins with "/" or "."
Example  b"&bo@example.org\\0./more.bin\\0"
Text     of setmaillist: one item a line; blanks at its end are cut, empty lines and those that begin with "#" say nothing; what begins
         neither with "&" nor with "/" or "." is an address. Of printmaillist: the items as they are, one a line.
Limits   800 octets an address; up to 900 are read
Written  by setmaillist and newinclude.   Read by fastforward, which must not find it closed to others, and printmaillist.
Crash    written to another name, synced, renamed.
Loaded by programs that run per message: builtins only.
Source   setmaillist(1), newinclude(1), printmaillist(1)
"""

from __future__ import annotations

from mta.formats.forwards import ADDRESS_MAX, FORWARD, FORWARD_MAX, PATHS, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_BLANKS = b" \t"
_FOR_NOW = 111


def write(items: Iterable[bytes]) -> bytes:
    return b"".join(item + b"\0" for item in items)


def read(data: bytes) -> list[bytes]:
    """Items as fastforward takes them: what is no item of a list is passed over, and so is a last one without its NUL."""
    return [i for i in data.split(b"\0")[:-1] if i.startswith(PATHS) or (i.startswith(FORWARD) and len(i) < FORWARD_MAX)]


def from_text(text: bytes) -> list[bytes]:
    """setmaillist's text -> items. Raises Refused."""
    lines = (line.rstrip(_BLANKS) for line in text.split(b"\n"))
    return [_item(line) for line in lines if line and not line.startswith(b"#")]


def _item(line: bytes) -> bytes:
    if b"\0" in line:
        raise Refused(b"NUL in input", _FOR_NOW)
    if line.startswith(PATHS):
        return line
    if len(line) > ADDRESS_MAX:
        raise Refused(b"addresses must be under 800 bytes", _FOR_NOW)
    return line if line.startswith(FORWARD) else FORWARD + line


def to_text(data: bytes) -> bytes:
    """LIST.bin -> one item a line. Raises ValueError for what is none."""
    *items, rest = data.split(b"\0")
    if rest or len(read(data)) != len(items) or b"\n" in data:
        raise ValueError("no mailing list")
    return b"".join(item + b"\n" for item in items)
