"""tcprules: what a client's address or name is allowed, and which variables its connection gets.

Text     "ADDRESS:allow" or "ADDRESS:deny", then any number of ',NAME="value"' (the quote is any byte). "#" lines and empty lines are
         skipped, a line without a colon is ignored. "1.2.3.37-39:" stands for three addresses: the component of an address
         without "=" and "@" that holds the first "-" must be numbers on both sides of it, where none means 0 and more than 255 means 255.
cdb      key ADDRESS; data "D" NUL when denied, then "+NAME=value" NUL for each variable; a plain allow has empty data.
Example  b'127.:allow,RELAYCLIENT=""\\n:allow\\n'
Limits   no CIDR, no IPv6 text on the left (its first colon ends the address), as in the original
Source   tcprules(1), tcprules.c, rules.c
"""

from __future__ import annotations

from dataclasses import dataclass

from mta.formats import cdb
from mta.formats.tcprules_record import find_record, items

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_RANGE_MAX = 255
_U64 = 1 << 64


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
            found += [(key, rule) for key in _expand(address)]
        except ValueError as error:
            raise BadLine(line, number) from error
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
    """The keys an address stands for; none when its range is empty. Raises ValueError."""
    text, dash, rest = address.partition(b"-")
    if not dash or b"=" in address or b"@" in address:
        yield address
        return
    before, dot_before, low = text.rpartition(b".")
    high, dot_after, after = rest.partition(b".")
    for number in range(_number(low), min(_number(high), _RANGE_MAX) + 1):
        yield b"%b%b%d%b%b" % (before, dot_before, number, dot_after, after)


def _number(text: bytes) -> int:
    """As the original's scan_ulong reads a C string: up to a NUL, nothing is 0, and it wraps. Raises ValueError."""
    digits = text.partition(b"\0")[0]
    if digits and not digits.isdigit():
        raise ValueError("a range is two numbers")
    value = 0
    for digit in digits:
        value = (value * 10 + digit - 48) % _U64
    return value


def write_rule(rule: Rule) -> bytes:
    """The data of a record."""
    return (b"D\0" if rule.is_denied else b"") + b"".join(b"+%b=%b\0" % v for v in rule.variables)


def read_rule(data: bytes) -> Rule:
    """Items of other kinds are passed over, as the original's programs do (a NUL within a value makes one)."""
    is_denied = False
    variables = []
    for item in items(data):
        if item[:1] == b"D":
            is_denied = True
        elif item[:1] == b"+":
            name, _, value = item[1:].partition(b"=")
            variables.append((name, value))
    return Rule(is_denied, tuple(variables))


def compile_(text: bytes) -> bytes:
    """Text -> the cdb, byte for byte as tcprules writes it. Raises BadLine."""
    return cdb.write((key, write_rule(rule)) for key, rule in read(text))


def find(
    get: Callable[[bytes], bytes | None], ip: bytes, host: bytes | None = None, info: bytes | None = None
) -> tuple[bytes, Rule] | None:
    """tcprules_record.find_record(), with the record read."""
    found = find_record(get, ip, host, info)
    return None if found is None else (found[0], read_rule(found[1]))
