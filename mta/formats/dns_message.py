"""DNS messages, as far as a client needs them that asks one question at a time: names of addresses, addresses of names, texts.

Message  number, flags, four counts (16 bits each), the question (name, kind, class), then records: name, kind, class, ttl (32 bits),
         length, data. A name is a row of labels, each behind its length, up to one of length 0; two bits set in a length make it a pointer
         to where the rest of the name stands.
Example  b"\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\7example\\3org\\0\\0\\x10\\0\\1" asks for the texts of example.org
Limits   63 octets a label, 255 a name; what follows the records of the answer is not looked at. A damaged message raises ValueError, one
         that belongs to another question NotAsked
Source   RFC 1035 4.1, RFC 1034 3.7.1; dns_domain_todot_cat in djbdns (how names are shown)
"""

from __future__ import annotations

from struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

A, PTR, TXT, AAAA = 1, 12, 16, 28
NO_ERROR, NO_SUCH_NAME = 0, 3
UDP_MAX = 512
_IN = 1
_RECURSE = 0x0100
_TRUNCATED = 0x0200
_ANSWER = 0x8000
_LABEL_MAX = 63
_NAME_MAX = 255
_JUMPS_MAX = 128
_HEAD = Struct("!HHHHHH")
_KIND = Struct("!HH")
_RECORD = Struct("!HHIH")
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_")


class NotAsked(ValueError):
    """No answer to this question: one to it may still come."""


class Answer:
    """code: NO_ERROR, NO_SUCH_NAME or what the server's trouble is. is_truncated: to be asked again by TCP.
    values: of the records of the kind asked for, in order, whatever their names (a chain of CNAMEs ends at them): 4 or 16 octets, a name
    as text, the octets of a text."""

    __slots__ = ("code", "is_truncated", "values")

    def __init__(self, code: int, is_truncated: bool, values: list[bytes]) -> None:
        self.code = code
        self.is_truncated = is_truncated
        self.values = values


def question(number: int, name: bytes, kind: int) -> bytes:
    """name: labels with dots between them; dots too many are left out. Raises ValueError: no name can be that long."""
    labels = [label for label in name.split(b".") if label]
    if any(len(label) > _LABEL_MAX for label in labels):
        raise ValueError("label too long")
    encoded = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    if len(encoded) > _NAME_MAX:
        raise ValueError("name too long")
    return _HEAD.pack(number, _RECURSE, 1, 0, 0, 0) + encoded + _KIND.pack(kind, _IN)


def reverse(ip: bytes) -> bytes:
    """The name under which the names of an address of 4 or 16 octets stand."""
    if len(ip) == 4:
        return b".".join(b"%d" % octet for octet in reversed(ip)) + b".in-addr.arpa"
    return b".".join(b"%c" % digit for digit in reversed(ip.hex().encode())) + b".ip6.arpa"


def read(data: bytes, asked: bytes) -> Answer:
    """asked: the question as it was sent. Raises NotAsked, ValueError."""
    number, flags, questions, answers, _, _ = _unpack(_HEAD, data, 0)
    if number != int.from_bytes(asked[:2], "big") or questions != 1 or not flags & _ANSWER:
        raise NotAsked("no answer to this question")
    name, at = _name(data, _HEAD.size)
    wanted, wanted_at = _name(asked, _HEAD.size)
    kind, class_ = _unpack(_KIND, data, at)
    if name.lower() != wanted.lower() or (kind, class_) != _unpack(_KIND, asked, wanted_at):
        raise NotAsked("no answer to this question")
    if flags & _TRUNCATED:
        return Answer(flags & 15, True, [])
    return Answer(flags & 15, False, list(_values(data, at + _KIND.size, answers, kind)))


def _values(data: bytes, at: int, count: int, kind: int) -> Iterator[bytes]:
    for _ in range(count):
        _, at = _name(data, at)
        found_kind, class_, _, size = _unpack(_RECORD, data, at)
        at += _RECORD.size
        if at + size > len(data):
            raise ValueError("message is cut short")
        if (found_kind, class_) == (kind, _IN):
            yield _value(data, at, size, kind)
        at += size


def _value(data: bytes, at: int, size: int, kind: int) -> bytes:
    if kind == PTR:
        return shown(_name(data, at)[0])
    if kind == TXT:
        return _text(data[at : at + size])
    if size != (4 if kind == A else 16):
        raise ValueError("an address of another size")
    return data[at : at + size]


def _text(data: bytes) -> bytes:
    """Its strings, one behind the other."""
    found = []
    while data:
        found.append(data[1 : 1 + data[0]])
        data = data[1 + data[0] :]
    return b"".join(found)


def shown(name: bytes) -> bytes:
    """A name as it stands in a message -> text: small letters, dots between the labels, others as a backslash and their octal number."""
    labels = []
    at = 0
    while name[at]:
        labels.append(b"".join(_shown(octet) for octet in name[at + 1 : at + 1 + name[at]].lower()))
        at += 1 + name[at]
    return b".".join(labels) or b"."


def _shown(octet: int) -> bytes:
    return bytes([octet]) if octet in _PLAIN else b"\\%03o" % octet


def _name(data: bytes, at: int) -> tuple[bytes, int]:
    """-> the name without pointers, and where it ends."""
    found = bytearray()
    end = 0
    for _ in range(_JUMPS_MAX):
        length = _octet(data, at)
        if length >= 0xC0:
            end = end or at + 2
            at = (length & 0x3F) << 8 | _octet(data, at + 1)
        elif length > _LABEL_MAX:
            raise ValueError("no such kind of label")
        elif at + 1 + length > len(data) or len(found) + length >= _NAME_MAX:
            raise ValueError("name too long")
        else:
            found += data[at : at + 1 + length]
            at += 1 + length
            if not length:
                return bytes(found), end or at
    raise ValueError("name without an end")


def _octet(data: bytes, at: int) -> int:
    if at >= len(data):
        raise ValueError("message is cut short")
    return data[at]


def _unpack(layout: Struct, data: bytes, at: int) -> tuple[int, ...]:
    if at + layout.size > len(data):
        raise ValueError("message is cut short")
    return layout.unpack_from(data, at)
