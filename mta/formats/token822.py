"""The tokens of RFC 822 header fields, and address lists read from the right, as qmail-inject rewrites them.

Tokens   . , @ < > : ;          a special, alone
         ( ... )  " ... "  [ ... ]   comment (may nest; the inner parentheses are dropped), quoted string, domain literal
         atom                  anything else, up to a blank, a special or ( [ "
         A backslash takes the next byte as it is. An atom with a control or 8-bit byte, ")", "]" or "\\" becomes a quoted string.
Address  from the right the grammar of a list needs no look-ahead: a word that follows a word, without "." or "@" between, begins
         another address, and the missing comma is put in.
Example  b"To: joe, \\"A B\\" <ab@h>\\n" has the tokens To : joe , "A B" < ab @ h >
Writing  one blank after ":" and ",", before "<", and between words, comments and literals; none elsewhere. Lines break after commas only,
         to stay below 80 octets; what follows begins with two blanks.
Bugs     an atom whose escaped byte is a blank or a special is written without its backslash, as the original does (docs/quirks.md)
Loaded by programs that run per message: builtins only. Linear in the length of the field; nothing recurses.
Source   token822.c, qmail-header(5), RFC 822 3.3 and 6.1
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Token = tuple[bytes, bytes]  # (kind, text); the kind of a special is the special itself

ATOM, QUOTED, LITERAL, COMMENT = b"a", b'"', b"[", b"("
DOT, COMMA, AT, LEFT, RIGHT, COLON, SEMICOLON = b".", b",", b"@", b"<", b">", b":", b";"

LINE_LEN = 80
_FIRST = 2  # the name of a field and its colon are no part of the address list

_SPECIALS: dict[int, Token] = {kind[0]: (kind, kind) for kind in (DOT, COMMA, AT, LEFT, RIGHT, COLON, SEMICOLON)}
_BLANKS = frozenset(b" \t\r\n")
_CLOSERS = {ord("("): ord(")"), ord('"'): ord('"'), ord("["): ord("]")}
_STRAY = frozenset(b")]")
_BACKSLASH, _OPEN = ord("\\"), ord("(")
_ATOM_ENDS = frozenset(b' \t\r\n(["<>;:@,.')
_ATOM_BYTES = frozenset(range(32, 127)) - frozenset(b")]\\")
_ESCAPED = frozenset(b'"[]()\\\r\n')
_WORDS = frozenset((ATOM, QUOTED, LITERAL, COMMENT))
_FRAMES = {ATOM: (b"", b""), QUOTED: (b'"', b'"'), LITERAL: (b"[", b"]"), COMMENT: (b"(", b")")}
_PHRASE = frozenset((COMMENT, ATOM, QUOTED, AT, DOT))


def parse(text: bytes) -> list[Token]:
    """Raises ValueError when something is left open, or closed that was never open."""
    found = []
    at, size = 0, len(text)
    while at < size:
        byte = text[at]
        if byte in _SPECIALS:
            found.append(_SPECIALS[byte])
            at += 1
        elif byte in _BLANKS:
            at += 1
        elif byte in _CLOSERS:
            token, at = _enclosed(text, at)
            found.append(token)
        elif byte in _STRAY:
            raise ValueError("closing bracket without an opening one")
        else:
            token, at = _atom(text, at)
            found.append(token)
    return found


def _enclosed(text: bytes, at: int) -> tuple[Token, int]:
    opener, closer = text[at], _CLOSERS[text[at]]
    kind, level, size = text[at : at + 1], 1, len(text)
    content = bytearray()
    while True:
        at += 1
        if at >= size:
            raise ValueError("comment, quoted string or literal left open")
        byte = text[at]
        if byte == closer:
            level -= 1
            if not level:
                return (kind, bytes(content)), at + 1
            continue
        if byte == _OPEN == opener:
            level += 1
            continue
        if byte == _BACKSLASH:
            at += 1
            if at >= size:
                raise ValueError("comment, quoted string or literal left open")
        content.append(text[at])


def _atom(text: bytes, at: int) -> tuple[Token, int]:
    content = bytearray()
    size = len(text)
    while True:
        if text[at] == _BACKSLASH:
            at += 1
            if at >= size:  # a backslash at the very end escapes nothing and is dropped
                break
        content.append(text[at])
        at += 1
        if at >= size or text[at] in _ATOM_ENDS:
            break
    return (ATOM if _ATOM_BYTES.issuperset(content) else QUOTED, bytes(content)), at


def plain(tokens: list[Token]) -> bytes:
    """An address as the envelope has it: no quotes, no comments."""
    return b"".join(b"[%b]" % text if kind == LITERAL else text for kind, text in tokens if kind != COMMENT)


def write(tokens: list[Token]) -> bytes:
    """A whole field, folded, with its newline."""
    pieces = []  # each ends after a comma, but for the last
    piece: list[bytes] = []
    last = b""
    for kind, text in tokens:
        if _is_apart(last, kind):
            piece.append(b" ")
        if kind in _WORDS:
            before, after = _FRAMES[kind]
            piece += (before, _escape(text), after)
        else:
            piece.append(kind)
        if kind == COMMA:
            pieces.append(b"".join(piece))
            piece = []
        last = kind
    pieces.append(b"".join(piece))
    return _fold(pieces)


def _is_apart(left: bytes, right: bytes) -> bool:
    if not left:
        return False
    return left in (COLON, COMMA) or right == LEFT or (left in _WORDS and right in _WORDS)


def _escape(text: bytes) -> bytes:
    if _ESCAPED.isdisjoint(text):
        return text
    out = bytearray()
    for byte in text:
        if byte in _ESCAPED:
            out.append(_BACKSLASH)
        out.append(byte)
    return bytes(out)


def _fold(pieces: list[bytes]) -> bytes:
    """A piece stays on the line while that leaves room for the two octets of a break behind it."""
    out = [pieces[0]]
    length = len(pieces[0])
    for piece in pieces[1:]:
        if length + 2 + len(piece) <= LINE_LEN:
            length += len(piece)
        else:
            out.append(b"\n ")
            length = 1 + len(piece)
        out.append(piece)
    out.append(b"\n")
    return b"".join(out)


def rewrite(tokens: list[Token], each: Callable[[list[Token]], list[Token]]) -> list[Token]:
    """The tokens of a field with every address of its list put through each(), last address first. Raises ValueError where the list is
    no list; each() has then been called for the addresses to the right of the trouble, and may already have acted on them."""
    return _List(tokens, each).read()


class _List:
    """An address list under way from right to left: where we are, what has been written and the address at hand, both backwards."""

    __slots__ = ("_address", "_at", "_each", "_is_in_group", "_is_word_ok", "_out", "_tokens")

    def __init__(self, tokens: list[Token], each: Callable[[list[Token]], list[Token]]) -> None:
        self._tokens = tokens
        self._each = each
        self._at = len(tokens) - 1
        self._address: list[Token] = []
        self._out: list[Token] = []
        self._is_in_group = False
        self._is_word_ok = True

    def read(self) -> list[Token]:
        while self._at >= _FIRST:
            _STEPS.get(self._kind(), _List._joint)(self)
        self._flush()
        self._out.extend(reversed(self._tokens[:_FIRST]))
        self._out.reverse()
        return self._out

    def _kind(self) -> bytes:
        """Of the token we are at; b"" to the left of the list."""
        return self._tokens[self._at][0] if self._at >= _FIRST else b""

    def _copy(self) -> None:
        self._out.append(self._tokens[self._at])
        self._at -= 1

    def _collect(self) -> None:
        self._address.append(self._tokens[self._at])
        self._at -= 1

    def _flush(self) -> None:
        if self._address:
            self._take()

    def _flush_and_part(self) -> None:
        """As _flush, with the comma that was missing."""
        if self._address:
            self._take()
            self._out.append(_SPECIALS[COMMA[0]])

    def _take(self) -> None:
        """The address at hand is complete, even if it is empty."""
        self._address.reverse()
        rewritten = self._each(self._address)
        self._out.extend(reversed(rewritten))
        self._address = []

    def _word(self) -> None:
        if not self._is_word_ok:
            self._flush_and_part()
        self._is_word_ok = False
        self._collect()

    def _joint(self) -> None:
        self._is_word_ok = True
        self._collect()

    def _comma(self) -> None:
        self._flush()
        self._is_word_ok = True
        self._copy()

    def _angle(self) -> None:
        """From ">" to the left of the phrase before "<"; what stands between is one address."""
        self._flush_and_part()
        self._copy()
        while self._kind() not in (LEFT, b""):
            self._collect()
        self._take()
        if not self._kind():
            raise ValueError("an address that ends in > and does not begin with <")
        self._copy()
        while self._kind() in _PHRASE:
            self._copy()
        self._is_word_ok = False

    def _group_end(self) -> None:
        self._flush_and_part()
        if self._is_in_group:
            raise ValueError("a group within a group")
        self._is_in_group = self._is_word_ok = True
        self._copy()

    def _group_begin(self) -> None:
        """From the colon through the comma before the group's name."""
        self._flush()
        if not self._is_in_group:
            raise ValueError("a group that does not end")
        while self._kind() not in (COMMA, b""):
            self._copy()
        if self._kind():
            self._copy()
        self._is_in_group, self._is_word_ok = False, True


_STEPS: dict[bytes, Callable[[_List], None]] = {
    ATOM: _List._word,
    QUOTED: _List._word,
    LITERAL: _List._word,
    COMMENT: _List._copy,
    COMMA: _List._comma,
    RIGHT: _List._angle,
    SEMICOLON: _List._group_end,
    COLON: _List._group_begin,
}
