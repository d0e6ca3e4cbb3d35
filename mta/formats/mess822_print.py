"""A message for a person at a terminal, as 822print lays it out.

Layout   what matters first: subject, sender, date; the steps of its way, who it answers; whom it is to; where answers go; all other fields.
         A name stands on the left, its address on the right, 78 columns; lines that are too long go on below.
Marks    underlined "_", backspace, letter; bold letter, backspace, letter: pagers show them. Bytes that are not printable are \\ooo.
Limits   none; linear in the size of the header
Source   822print(1)
"""

from __future__ import annotations

from dataclasses import dataclass

from mta.formats import mess822, mess822_header, mess822_when
from mta.formats.mess822 import ADDRESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mta.formats.mess822 import Entry
    from mta.formats.mess822_when import LocalTime

_WIDTH, _LEFT_MAX, _PAIR_MAX, _HALF = 78, 73, 76, 50
_PLAIN, _UNDERLINED, _BOLD = range(3)
_RULE = b"-" * _WIDTH + b"\n"
_TRACE = (
    b"received", b"delivered-to", b"errors-to", b"resent-sender", b"resent-from", b"resent-reply-to", b"resent-to", b"resent-cc",
    b"resent-bcc", b"resent-date", b"resent-message-id",
)  # fmt: skip
_LISTS = (
    b"to", b"cc", b"bcc", b"apparently-to", b"notice-requested-upon-delivery-to", b"from", b"sender", b"reply-to", b"mail-reply-to",
    b"mail-followup-to", b"message-id", b"references", b"return-path",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Text:
    """Printable characters, each with its style."""

    letters: bytes = b""
    styles: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.letters)

    def __add__(self, other: _Text) -> _Text:
        return _Text(self.letters + other.letters, self.styles + other.styles)

    def cut(self, start: int, end: int) -> _Text:
        return _Text(self.letters[start:end], self.styles[start:end])

    def marked(self) -> bytes:
        return b"".join(
            _MARKS[style] % ((letter,) * (2 if style == _BOLD else 1)) for letter, style in zip(self.letters, self.styles, strict=True)
        )


_MARKS = {_PLAIN: b"%c", _UNDERLINED: b"_\b%c", _BOLD: b"%c\b%c"}


def _plain(text: bytes) -> _Text:
    return _Text(text, (_PLAIN,) * len(text))


def _styled(text: bytes, style: int, other: int) -> _Text:
    """other: of the bytes that had to be spelled out."""
    letters, styles = bytearray(), []
    for byte in text:
        is_printable = 32 <= byte <= 126 or byte == 9
        shown = (b" " if byte == 9 else b"%c" % byte) if is_printable else b"\\%03o" % byte
        letters += shown
        styles += [style if is_printable else other] * len(shown)
    return _Text(bytes(letters), tuple(styles))


def _left(text: _Text) -> bytes:
    """Broken before blanks, where there are any."""
    out = []
    while len(text) > _LEFT_MAX:
        end = text.letters.rfind(b" ", 0, _LEFT_MAX)
        end = end if end > 0 else _LEFT_MAX
        out.append(text.cut(0, end).marked() + b"\n")
        text = text.cut(end, len(text))
    return b"".join(out) + text.marked() + b"\n"


def _both(left: _Text, right: _Text) -> bytes:
    out = []
    while len(left) + len(right) > _PAIR_MAX:
        i, j = min(_HALF, len(left)), min(_HALF, len(right))
        j = min(j, _PAIR_MAX - i)
        out.append(_row(left.cut(0, i), right.cut(0, j)))
        left, right = left.cut(i, len(left)), right.cut(j, len(right))
    return b"".join(out) + _row(left, right)


def _row(left: _Text, right: _Text) -> bytes:
    return left.marked() + b" " * (_WIDTH - len(left) - len(right)) + right.marked() + b"\n"


class Header:
    """field() for each field in order, then write()."""

    __slots__ = ("_date", "_dates", "_lists", "_misc", "_subject", "_threading", "_trace")

    def __init__(self) -> None:
        self._subject: list[bytes] = []
        self._dates: list[bytes] = []
        self._date: mess822_when.When | None = None
        self._lists: dict[bytes, list[Entry]] = {name: [] for name in _LISTS}
        self._trace: list[bytes] = []
        self._threading: list[bytes] = []
        self._misc: list[bytes] = []

    def field(self, field: bytes) -> None:
        """field: of formats/mess822_header."""
        name, value = mess822_header.name(field), mess822_header.value(field)
        if name in self._lists:
            self._lists[b"bcc" if name == b"apparently-to" else name] += mess822.addresses(value)
        elif name == b"subject":
            self._subject.append(value)
        elif name == b"date":
            self._dates.append(value)
            self._date = mess822_when.read(value) or self._date
        else:
            kept = self._trace if name in _TRACE else self._threading if name == b"in-reply-to" else self._misc
            kept += field.removesuffix(b"\n").split(b"\n")

    def write(self, localtime: LocalTime) -> bytes:
        a = self._address
        parts = [
            _both(_plain(b"Subject:"), _styled(b"\0".join(self._subject), _UNDERLINED, _PLAIN)),
            a(b"from", b"From: "),
            self._when(localtime),
            a(b"return-path", b"Return-Path: ", b"return "),
            *(_left(_styled(line, _PLAIN, _UNDERLINED)) for line in self._trace + self._threading),
            a(b"references", b"Ref: ", style=_UNDERLINED),
            a(b"message-id", b"Message-ID: ", style=_UNDERLINED),
            _RULE,
            a(b"to", b"To: "),
            a(b"cc", b"Cc: "),
            a(b"bcc", b"Bcc: "),
            a(b"notice-requested-upon-delivery-to", b"Notice-Requested-Upon-Delivery-To: "),
            _RULE,
            a(b"sender", b"Sender: ", b"sender "),
            a(b"reply-to", b"Reply-To: ", b"reply to "),
            a(b"mail-reply-to", b"Mail-Reply-To: ", b"reply to "),
            a(b"mail-followup-to", b"Mail-Followup-To: ", b"follow up to "),
            *(_left(_styled(line, _PLAIN, _UNDERLINED)) for line in self._misc),
        ]
        return b"".join(parts)

    def _when(self, localtime: LocalTime) -> bytes:
        left = _plain(b"Date:") + _styled(b"\0".join(self._dates), _PLAIN, _UNDERLINED)
        if self._date is None:
            return _left(left)
        return _both(left, _styled(mess822_when.local(self._date.unix_s(), localtime), _UNDERLINED, _PLAIN))

    def _address(self, name: bytes, title: bytes, before: bytes = b"", *, style: int = _BOLD) -> bytes:
        """A row an address: who it is, and the address. An empty group is a name without one."""
        out = []
        comment: bytes | None = None

        def left() -> _Text:
            return _plain(title) + _styled(comment or b"", _UNDERLINED, _PLAIN)

        for kind, text in self._lists[name]:
            if kind == ADDRESS:
                out.append(_both(left(), _plain(before) + _styled(text, style, _UNDERLINED)))
                comment = None
            else:
                if comment is not None:
                    out.append(_left(left()))
                comment = text
        if comment is not None:
            out.append(_left(left()))
        return b"".join(out)
