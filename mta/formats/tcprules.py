"""tcprules: what a client's address or name is allowed, and which variables its connection gets.

Text     "ADDRESS:allow" or "ADDRESS:deny", then any number of ',NAME="value"' (the quote is any byte). "#" lines and empty lines are
         skipped, a line without a colon is ignored. "1.2.3.37-39:" stands for three addresses.
cdb      key ADDRESS; data "D" NUL when denied, then "+NAME=value" NUL for each variable; a plain allow has empty data.
Example  b'127.:allow,RELAYCLIENT=""\\n:allow\\n'
Limits   no CIDR, no IPv6 text on the left (its first colon ends the address), as in the original
Source   tcprules(1), tcprules.c, rules.c
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mta.formats import cdb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_RANGE = re.compile(rb"^([^=@]*?)(?<![^.])(\d+)-(\d+)(?=\.|$)(.*)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Rule:
    """What one record says. variables in the order of the text."""

    is_denied: bool = False
    variables: tuple[tuple[bytes, bytes], ...] = ()


class BadLine(ValueError):
    """line: the offending line without its end; number: counted from 1."""

    def __init__(self, line: bytes, number: int) -> None:
        super().__init__(f"unable to parse this line: {line.decode('latin-1')}")
        self.line = line
        self.number = number


def read(text: bytes) -> list[tuple[bytes, Rule]]:
    """Rules in the order of the text, ranges expanded. Raises BadLine."""
    found = []
    for number, raw in enumerate(text.split(b"\n"), 1):
        line = raw.rstrip(b" \t")
        address, colon, instructions = line.partition(b":")
        if not colon or line.startswith(b"#"):
            continue
        try:
            rule = _rule(instructions)
        except ValueError as error:
            raise BadLine(line, number) from error
        found += [(key, rule) for key in _expand(address)]
    return found


def _rule(text: bytes) -> Rule:
    if text.startswith(b"allow"):
        is_denied, rest = False, text[5:]
    elif text.startswith(b"deny"):
        is_denied, rest = True, text[4:]
    else:
        raise ValueError("neither allow nor deny")
    variables = []
    while rest:
        if rest[:1] != b",":
            raise ValueError("only a comma may follow")
        name, equals, tail = rest[1:].partition(b"=")
        end = tail.find(tail[:1], 1) if tail else -1
        if not equals or end < 0:
            raise ValueError("variable without a quoted value")
        variables.append((name, tail[1:end]))
        rest = tail[end + 1 :]
    return Rule(is_denied, tuple(variables))


def _expand(address: bytes) -> Iterator[bytes]:
    match = _RANGE.match(address)
    if not match:
        yield address
        return
    before, low, high, after = match.groups()
    for number in range(int(low), int(high) + 1):
        yield b"%b%d%b" % (before, number, after)


def write_rule(rule: Rule) -> bytes:
    """The data of a record."""
    return (b"D\0" if rule.is_denied else b"") + b"".join(b"+%b=%b\0" % v for v in rule.variables)


def read_rule(data: bytes) -> Rule:
    """Raises ValueError when a record is of neither kind."""
    is_denied = False
    variables = []
    for item in data.split(b"\0")[:-1]:
        if item == b"D":
            is_denied = True
        elif item.startswith(b"+"):
            name, _, value = item[1:].partition(b"=")
            variables.append((name, value))
        else:
            raise ValueError("unknown item in a tcprules record")
    return Rule(is_denied, tuple(variables))


def compile_(text: bytes) -> bytes:
    """Text -> the cdb, byte for byte as tcprules writes it. Raises BadLine."""
    return cdb.write((key, write_rule(rule)) for key, rule in read(text))


def keys(ip: bytes, host: bytes | None = None, info: bytes | None = None) -> Iterator[bytes]:
    """The keys that may decide for a client, in the order in which they are tried."""
    if info is not None:
        yield info + b"@" + ip
        if host is not None:
            yield info + b"@=" + host
    yield ip
    if host is not None:
        yield b"=" + host
    at = len(ip)
    while (at := ip.rfind(b".", 0, at)) >= 0:
        yield ip[: at + 1]
    if host is not None:
        at = -1
        while (at := host.find(b".", at + 1)) >= 0:
            yield b"=" + host[at:]
        yield b"="
    yield b""


def find(
    get: Callable[[bytes], bytes | None], ip: bytes, host: bytes | None = None, info: bytes | None = None
) -> tuple[bytes, Rule] | None:
    """get: look-up in the cdb. -> (the key that decides, its rule), or None: allowed without variables. Raises ValueError."""
    for key in keys(ip, host, info):
        data = get(key)
        if data is not None:
            return key, read_rule(data)
    return None
