"""/etc/aliases, sendmail's table of forwarding instructions, compiled into fastforward's database.

Grammar   alias ":" recipient { "," recipient }; lines that begin with a blank, and empty ones, go on with the line before; lines that begin
          with "#" are not there at all. The alias is the leftmost item; the colon behind it may be missing.
Alias     name -> ":name@"; name@host -> ":name@host"; @host -> ":@host"
Recipient an address, completed (formats/sendmail_list); "|command" -> "!command"; :include:/file -> "/file.bin". A file is refused.
Owner     an alias "owner-list" also gives "?list@", wherever list is defined
Order     recipients last one first, as the original has them
Example   b"list: a, b@X.org" -> (b":list@", b"&b@X.org\\0&a@host.example.org\\0")
Limits    800 octets an address
Written   by the administrator.   Read by newaliases.
Source    newaliases(1), aliases(5) of sendmail
"""

from __future__ import annotations

from collections.abc import Iterator

from mta.formats import forwards, sendmail_list
from mta.formats.forwards import FORWARD, OWNER, PATHS, PRELINE, TARGET, Refused
from mta.formats.sendmail_list import FILE, PROGRAM, Defaults, Item

_OWNER_PREFIX = b"owner-"
_GOES_ON = (b" ", b"\t", b"\n")
_FOR_GOOD, _FOR_NOW = 100, 111


def compile_(text: bytes, defaults: Defaults) -> list[tuple[bytes, bytes]]:
    """-> the records of the cdb, in order. Raises Refused."""
    return [record for line in logical_lines(text) for record in _records(line, defaults)]


def logical_lines(text: bytes) -> Iterator[bytes]:
    """Each with what goes on below it."""
    whole: list[bytes] = []
    for line in sendmail_list.lines(text):
        if whole and not line.startswith(_GOES_ON):
            yield b"".join(whole)
            whole = []
        if line != b"\n":
            whole.append(line)
    if whole:
        yield b"".join(whole)


def _records(line: bytes, defaults: Defaults) -> Iterator[tuple[bytes, bytes]]:
    try:
        items = sendmail_list.items(line)
    except ValueError as error:
        raise _unparsed(line) from error
    if any(not item.text and not item.is_include for item in items):
        raise _unparsed(line)
    alias, instructions = _taken_apart(items, defaults)
    if (alias is None) != (not instructions):
        raise _unparsed(line)
    if alias is None:
        return
    target = alias.text if alias.has_host else alias.text + b"@"
    if target.startswith(_OWNER_PREFIX):
        yield forwards.key(OWNER, target[len(_OWNER_PREFIX) :]), _address(alias, defaults)
    yield forwards.key(TARGET, target), forwards.write(instructions)


def _unparsed(line: bytes) -> Refused:
    return Refused(b"unable to parse this line: " + line.rstrip(b"\n"), _FOR_NOW)


def _taken_apart(items: list[Item], defaults: Defaults) -> tuple[Item | None, list[bytes]]:
    """-> (the alias, the instructions). Any address may be the alias, until one to its left is found; only then it is an instruction, which
    is why commands come before the address to their right."""
    alias = None
    instructions = []
    for item in items:
        if item.is_include or item.is_a(PROGRAM):
            instructions.append(_include(item.text) if item.is_include else PRELINE + _no_nul(item.text[1:], b"program names"))
            continue
        if item.is_a(FILE):
            raise Refused(b"file delivery %b not supported" % item.text, _FOR_NOW)
        if alias is not None:
            instructions.append(FORWARD + _address(alias, defaults))
        alias = item
    return alias, instructions


def _include(name: bytes) -> bytes:
    if not name:
        raise Refused(b"empty :include: filenames not permitted", _FOR_NOW)
    path = name if name.startswith(PATHS) else b"./" + name
    return _no_nul(path, b":include: filenames") + b".bin"


def _address(item: Item, defaults: Defaults) -> bytes:
    address = _no_nul(defaults.full(item, is_host_wanted=True), b"recipient addresses")
    if b"\n" in address:
        raise Refused(b"newlines not permitted in recipient addresses", _FOR_NOW)
    if len(address) > forwards.ADDRESS_MAX:
        raise Refused(b"addresses over 800 bytes are not permitted", _FOR_GOOD)
    return address


def _no_nul(text: bytes, what: bytes) -> bytes:
    if b"\0" in text:
        raise Refused(b"NUL not permitted in " + what, _FOR_NOW)
    return text
