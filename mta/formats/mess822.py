"""Addresses in header fields as mess822 reads and writes them: whatever people write is taken for something, and written in one form.

Tokens   < > , ; : @ . blank tab, each alone; ( ... ) comment, may nest; " ... ", [ ... ] with its brackets, or a run of anything else:
         text. A backslash takes the next byte as it is. What is left open ends with the field.
List     entries, in order: (ADDRESS, b"box@host"), b"box@" without a host, b"@" for <>; (COMMENT, b"...") what is said of the address
         behind it, its phrase and its comments, or of an empty group. From the right the grammar needs no look-ahead: a word that
         follows a word, without "." or "@" between, begins another address.
Example  b'"A B" <ab@h> (x), joe' has the entries COMMENT A B x, ADDRESS ab@h, ADDRESS joe@
Writing  an address a line, two blanks before it, and a comma behind; "comment" <address>; then folded to lines of LINE_LEN where the breaks
         are. A newline in an address, which only an argument may have, is written as a NUL is, behind a backslash.
Loaded by programs that run per message: builtins only. Linear in the length of the field; nothing recurses.
Source   mess822(3): mess822_token, mess822_addr, mess822_quote, mess822_fold
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Token = tuple[bytes, bytes]  # (kind, text); the kind of a special is the special itself
    Entry = tuple[bytes, bytes]

TEXT, PAREN = b"=", b"("
ADDRESS, COMMENT = b"+", b"("
LINE_LEN = 78

_SPECIALS = frozenset(b"<>,;:@. \t")
_ENDS = frozenset(b'"[(<>,;:@. \t')
_QUOTE, _OPEN, _SHUT, _BRACKET, _UNBRACKET, _BACKSLASH = b'"()[]\\'
_UNSAFE = frozenset(b'@<>[](),;:"\\') | frozenset(range(33)) | frozenset(range(127, 256))
_ESCAPED = frozenset(b'\0\r"\\[]')
_NO_ADDRESS = (b"", b"@")
_BREAK = b",\n  "
_EMPTY_GROUP = b": ;"


# ---- tokens ----


def tokens(text: bytes) -> list[Token]:
    """text: of a field, without its newlines."""
    found: list[Token] = []
    at, size = 0, len(text)
    while at < size:
        byte = text[at]
        if byte in _SPECIALS:
            mark = text[at : at + 1]
            found.append((mark, mark))
            at += 1
        elif byte == _OPEN:
            comment, at = _comment(text, at + 1)
            found.append((PAREN, comment))
        elif byte == _QUOTE:
            content, at = _enclosed(text, at + 1, _QUOTE)
            found.append((TEXT, content))
        elif byte == _BRACKET:
            content, at = _enclosed(text, at + 1, _UNBRACKET)
            found.append((TEXT, b"[%b]" % content))
        else:
            content, at = _run(text, at)
            found.append((TEXT, content))
    return found


def _enclosed(text: bytes, at: int, closer: int) -> tuple[bytes, int]:
    content = bytearray()
    size = len(text)
    while at < size:
        byte = text[at]
        at += 1
        if byte == closer:
            break
        if byte == _BACKSLASH and at < size:
            byte = text[at]
            at += 1
        content.append(byte)
    return bytes(content), at


def _comment(text: bytes, at: int) -> tuple[bytes, int]:
    content = bytearray()
    size, level = len(text), 1
    while at < size:
        byte = text[at]
        at += 1
        if byte == _SHUT:
            level -= 1
            if not level:
                break
        elif byte == _OPEN:
            level += 1
        elif byte == _BACKSLASH and at < size:
            byte = text[at]
            at += 1
        content.append(byte)
    return bytes(content), at


def _run(text: bytes, at: int) -> tuple[bytes, int]:
    content = bytearray()
    size = len(text)
    while True:
        byte = text[at]
        at += 1
        if byte == _BACKSLASH and at < size:
            byte = text[at]
            at += 1
        content.append(byte)
        if at >= size or text[at] in _ENDS:
            return bytes(content), at


# ---- lists ----


def addresses(text: bytes) -> list[Entry]:
    """text: of a field, without its newlines -> the entries of its list, in order."""
    return _List(tokens(text)).read()


class _List:
    """From right to left; what is gathered is backwards until it is handed out."""

    __slots__ = ("_address", "_at", "_comment", "_found", "_has_host", "_is_open", "_tokens")

    def __init__(self, tokens_: list[Token]) -> None:
        self._tokens = tokens_
        self._at = len(tokens_)
        self._found: list[Entry] = []
        self._comment: list[bytes] = []
        self._address: list[bytes] = []
        self._is_open = False  # is there an address at hand?
        self._has_host = False

    def read(self) -> list[Entry]:
        is_word_ok, is_phrase = True, False
        while self._at:
            kind, text = self._next()
            if is_phrase:
                if kind not in (b",", b";", b":", b">"):
                    self._say(kind, text)
                    continue
                self._end_address()
                is_phrase, is_word_ok = False, True
            if kind in (b" ", b"\t"):
                self._comment.append(b" ")
            elif kind in (b";", b","):
                self._end_address()
                self._end_comment()
                is_word_ok = True
            elif kind == PAREN:
                self._comment += (b" ", text, b" ")
            elif kind == TEXT:
                if not is_word_ok:
                    self._end_address()
                self._add(kind, text)
                is_word_ok = False
            elif kind == b">":
                self._angle()
                is_phrase = True
            elif kind == b":":
                is_phrase = True
            else:
                self._add(kind, text)
                is_word_ok = True
        self._end_address()
        self._end_comment()
        self._found.reverse()
        return self._found

    def _next(self) -> Token:
        self._at -= 1
        return self._tokens[self._at]

    def _say(self, kind: bytes, text: bytes) -> None:
        """Of what is no address: the words."""
        if kind not in (b",", b":", b";", b"<", b">"):
            self._comment.append(text)

    def _add(self, kind: bytes, text: bytes) -> None:
        if kind not in (TEXT, b".", b"@"):
            self._say(kind, text)
            return
        self._is_open = True
        if kind == b"@":
            self._has_host = True
        self._address.append(text)

    def _angle(self) -> None:
        """From ">" through "<". A route before the address is said of it."""
        self._end_address()
        self._is_open = True  # <> is an address
        is_route = False
        while self._at:
            kind, text = self._next()
            if kind == b"<":
                return
            is_route = is_route or kind == b":"
            if is_route:
                self._say(kind, text)
            else:
                self._add(kind, text)

    def _end_address(self) -> None:
        if not self._is_open:
            return
        self._address.reverse()
        address = b"".join(self._address)
        self._found.append((ADDRESS, address if self._has_host else address + b"@"))
        self._end_comment()
        self._is_open = self._has_host = False
        self._address = []

    def _end_comment(self) -> None:
        self._comment.reverse()
        words = [word for word in b"".join(self._comment).split(b" ") if word]
        self._comment = []
        if words:
            self._found.append((COMMENT, b" ".join(words)))


# ---- writing ----


def quote(address: bytes, comment: bytes | None = None) -> bytes:
    """An address as a field has it, with what is said of it."""
    bare = b"" if address in _NO_ADDRESS else _quote_address(address)
    if comment is not None:
        return b"%b <%b>" % (_escape(comment, b'"', b'"'), bare)
    return bare or b"<>"


def _quote_address(address: bytes) -> bytes:
    box, at, host = address.rpartition(b"@")
    if not at:
        box, host = address, b""
    return _quote_if_needed(box) + (b"@" + _quote_host(host) if host else b"")


def _quote_host(host: bytes) -> bytes:
    if len(host) >= 2 and host.startswith(b"[") and host.endswith(b"]"):
        return _escape(host[1:-1], b"[", b"]")
    return _quote_if_needed(host)


def _quote_if_needed(text: bytes) -> bytes:
    is_safe = text and _UNSAFE.isdisjoint(text) and not text.startswith(b".") and not text.endswith(b".") and b".." not in text
    mark = b"" if is_safe else b'"'
    return _escape(text, mark, mark)


def _escape(text: bytes, before: bytes, after: bytes) -> bytes:
    out = bytearray(before)
    for byte in text.replace(b"\n", b"\0"):
        if byte in _ESCAPED:
            out.append(_BACKSLASH)
        out.append(byte)
    return bytes(out + after)


def write_list(entries: Iterable[Entry]) -> bytes:
    """Entries one a line, for fold()."""
    parts = []
    comment = None
    for kind, text in entries:
        if kind == ADDRESS:
            parts.append(quote(text, comment))
            comment = None
        else:
            if comment is not None:
                parts.append(_escape(comment, b'"', b'"') + _EMPTY_GROUP)
            comment = text
    if comment is not None:
        parts.append(_escape(comment, b'"', b'"') + _EMPTY_GROUP)
    return _BREAK.join(parts)


def fold(prefix: bytes, lines: bytes) -> bytes:
    """prefix: "To: "; lines: of write_list -> a whole field. Lines are joined where that keeps them short."""
    first, *rest = lines.split(b"\n")
    out = [prefix, first]
    length = len(prefix) + len(first)
    for line in rest:
        short = b" " + line.lstrip(b" ")
        if length + len(short) > LINE_LEN:
            out += (b"\n", line)
            length = len(line)
        else:
            out.append(short)
            length += len(short)
    out.append(b"\n")
    return b"".join(out)
