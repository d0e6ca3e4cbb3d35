"""Lists of recipients as sendmail's /etc/aliases, :include: files and .forward files have them, and the addresses in them completed.

Items    addresses of RFC 822, with or without a phrase, parted by commas, or by nothing where one word follows another; "|command",
         "/file", \\user: words like any other, it is for the reader of the list to see what they are; :include:NAME is an item of its own.
         Colons and semicolons elsewhere part nothing and are dropped.
Order    from the right, as it falls out of the grammar: in the original's files the last recipient comes first.
Example  b'list: a, b@X.org, :include:/l/y' has the items :include: /l/y, b@X.org, a, list
Full     no host: the default host; a host that ends in "+": the plus domain; a host without a dot: the default domain
Limits   an address of ADDRESS_MAX octets, completed. Linear; nothing recurses.
Loaded by programs that run per message: builtins only.
Source   newaliases(1), newinclude(1), dot-forward(1)
"""

from __future__ import annotations

from mta.formats import token822
from mta.formats.token822 import AT, ATOM, COLON, COMMA, COMMENT, DOT, LEFT, LITERAL, QUOTED, RIGHT, SEMICOLON

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from mta.formats.token822 import Token

ADDRESS_MAX = 800
FILE, PROGRAM = b"/", b"|"
_INCLUDE = (ATOM, b"include")
_WORDS = (ATOM, QUOTED, LITERAL)
_PHRASE = (COMMENT, ATOM, QUOTED, AT, DOT)


class Item:
    """text: without quotes and comments. has_host: an "@" stood in it, not only between quotes."""

    __slots__ = ("has_host", "is_include", "text")

    def __init__(self, tokens: list[Token], *, is_include: bool = False) -> None:
        self.text = token822.plain(tokens)
        self.has_host = any(kind == AT for kind, _ in tokens)
        self.is_include = is_include

    def is_a(self, mark: bytes) -> bool:
        """mark: FILE or PROGRAM."""
        return not self.has_host and not self.is_include and self.text.startswith(mark)


class Defaults:
    """What completes an address (control/defaulthost, defaultdomain, plusdomain)."""

    __slots__ = ("domain", "host", "plus")

    def __init__(self, *, host: bytes, domain: bytes, plus: bytes) -> None:
        self.host = host
        self.domain = domain
        self.plus = plus

    def full(self, item: Item, *, is_host_wanted: bool = False) -> bytes:
        """item: an address, not empty. is_host_wanted: "user@" is completed like "user"."""
        address = item.text if item.has_host else item.text + b"@"
        if not item.has_host or (is_host_wanted and address.endswith(b"@")):
            address += self.host
        if address.endswith(b"+"):
            address = address[:-1] + b"." + self.plus
        if b"." not in address[address.rindex(b"@") :]:
            address += b"." + self.domain
        return address


def items(line: bytes) -> list[Item]:
    """The items of a line or of several, last one first. Raises ValueError when it cannot be taken apart."""
    return _Walk(token822.parse(line)).read()


def lines(text: bytes) -> Iterable[bytes]:
    """Those that are no comments, each with its newline, which a backslash before it would make part of a word."""
    return (line + b"\n" for line in text.split(b"\n") if not line.startswith(b"#"))


class _Walk:
    """From right to left: where we are, and the words at hand, backwards."""

    __slots__ = ("_at", "_found", "_is_word_ok", "_tokens", "_words")

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = len(tokens)
        self._words: list[Token] = []
        self._found: list[Item] = []
        self._is_word_ok = True

    def read(self) -> list[Item]:
        while self._at > 0:
            self._at -= 1
            self._step(self._tokens[self._at])
        self._flush()
        return self._found

    def _step(self, token: Token) -> None:
        kind = token[0]
        if kind == RIGHT:
            self._flush()
            self._angle()
        elif kind in _WORDS:
            if not self._is_word_ok:
                self._flush()
            self._is_word_ok = False
            self._words.append(token)
        elif kind == COMMA:
            self._flush()
            self._is_word_ok = True
        elif kind == COLON:
            self._colon()
        elif kind not in (COMMENT, SEMICOLON):
            self._is_word_ok = True
            self._words.append(token)

    def _flush(self) -> None:
        if self._words:
            self._take()

    def _take(self, *, is_include: bool = False) -> None:
        """The item at hand is complete, even if it is empty."""
        self._words.reverse()
        self._found.append(Item(self._words, is_include=is_include))
        self._words = []

    def _colon(self) -> None:
        if self._at >= 2 and self._tokens[self._at - 1] == _INCLUDE and self._tokens[self._at - 2][0] == COLON:
            self._take(is_include=True)
            self._at -= 2

    def _angle(self) -> None:
        """From ">" to the left of the phrase before "<"; what stands between is one address."""
        while self._at > 0 and self._kind_before() != LEFT:
            self._at -= 1
            self._words.append(self._tokens[self._at])
        self._take()
        if self._at == 0:
            raise ValueError("an address that ends in > and does not begin with <")
        self._at -= 1
        while self._at > 0 and self._kind_before() in _PHRASE:
            self._at -= 1
        self._is_word_ok = False

    def _kind_before(self) -> bytes:
        return self._tokens[self._at - 1][0]
