"""The text that setforward compiles and printforward writes: what becomes of mail, as a stream of bytes, not of lines.

Grammar   target ":" command { "," command } ";"
          Spaces, tabs and newlines are dropped wherever they stand; a "#" begins a comment, up to the end of its line; a backslash takes
          the next byte as it is. Empty commands say nothing.
Commands  "?address" the owner; "|command", "!command", "/path", "./path", "&address" as formats/forwards has them; else an address
Example   b"list@h: ?own@h, bo@x.y, |log\\\\ it;" gives ?list@h -> own@h, :list@h -> &bo@x.y, |log it
Limits    800 octets an address
Source    setforward(1), printforward(1), setforward.c, printforward.c
"""

from __future__ import annotations

from collections.abc import Iterator

from mta.formats import forwards
from mta.formats.forwards import COMMANDS, FORWARD, FORWARD_MAX, OWNER, PATHS, TARGET, Refused

_BLANKS = frozenset(b" \t\n")
_HASH, _COLON, _COMMA, _SEMICOLON, _BACKSLASH = b"#:,;\\"
_ESCAPED = frozenset(b",:;\\#") | frozenset(range(33)) | frozenset(range(128, 256))


_FOR_GOOD = 100


def read(text: bytes) -> list[tuple[bytes, bytes]]:
    """-> the records of the cdb, in order. Raises Refused."""
    found: list[tuple[bytes, bytes]] = []
    target, command, instructions = bytearray(), bytearray(), []
    has_target = False
    for byte, is_mark in _bytes(text):
        if not is_mark:
            (command if has_target else target).append(byte)
        elif byte == _COLON:
            if has_target:
                raise Refused(b"double colons are not permitted", _FOR_GOOD)
            has_target = True
        elif not has_target:
            raise Refused(b"commas are not permitted before colons", _FOR_GOOD)
        else:
            if command.startswith(OWNER):
                found.append((forwards.key(OWNER, bytes(target)), bytes(command[1:])))
            elif command:
                instructions.append(_instruction(bytes(command)))
            command.clear()
            if byte == _SEMICOLON:
                if instructions:
                    found.append((forwards.key(TARGET, bytes(target)), forwards.write(instructions)))
                target.clear()
                instructions, has_target = [], False
    if has_target or target:
        raise Refused(b"final instruction must end with semicolon", _FOR_GOOD)
    return found


def _bytes(text: bytes) -> Iterator[tuple[int, bool]]:
    """The bytes that count, each with: does it part something? Raises Refused for a NUL."""
    at, size = 0, len(text)
    while at < size:
        byte = text[at]
        at += 1
        if byte == _HASH:
            end = text.find(b"\n", at)
            at = size if end < 0 else end + 1
        elif byte in (_COLON, _COMMA, _SEMICOLON):
            yield byte, True
        elif byte not in _BLANKS:
            if byte == _BACKSLASH:
                if at == size:
                    return
                byte = text[at]
                at += 1
            if byte == 0:
                raise Refused(b"NUL bytes are not permitted", _FOR_GOOD)
            yield byte, False


def _instruction(command: bytes) -> bytes:
    if command.startswith((*COMMANDS, *PATHS)):
        return command
    if len(command) > forwards.ADDRESS_MAX:
        raise Refused(b"addresses over 800 bytes are not permitted", _FOR_GOOD)
    return command if command.startswith(FORWARD) else FORWARD + command


def write(records: Iterator[tuple[bytes, bytes]]) -> bytes:
    """Records of the cdb, in order -> text that read() makes the same records of. Raises ValueError for what is none of ours."""
    return b"".join(_owner(key, data) if key.startswith(OWNER) else _target(key, data) for key, data in records)


def _owner(key: bytes, data: bytes) -> bytes:
    return b"%b: ?%b;\n" % (_escape(key[1:]), _escape(data))


def _target(key: bytes, data: bytes) -> bytes:
    if not key.startswith(TARGET):
        raise ValueError("a key that is neither target nor owner")
    *instructions, rest = data.split(b"\0")
    if rest:
        raise ValueError("an instruction without its end")
    return b"%b:\n%b;\n" % (_escape(key[1:]), b"".join(map(_line, instructions)))


def _line(instruction: bytes) -> bytes:
    is_forward = instruction.startswith(FORWARD) and len(instruction) < FORWARD_MAX
    if not is_forward and not instruction.startswith((*COMMANDS, *PATHS)):
        raise ValueError("an instruction of no known kind")
    return b", %b\n" % _escape(instruction)


def _escape(text: bytes) -> bytes:
    return b"".join(b"\\%c" % byte if byte in _ESCAPED else b"%c" % byte for byte in text)
