"""The options of qmail's programs: single letters, alone or grouped, each with an argument glued on or in the next word.

Grammar  known is a string of letters; "f:" takes an argument, "E?" takes the rest of its word, if any.
         The first word that does not begin with "-" is an operand and ends the options; so does "-" alone, which is an operand too;
         so does any word that begins with "--", which is left out.
Example  [b"-nf", b"ada@example.org", b"bo"] with "nf:" is n, f ada@example.org, operand bo
Loaded by programs that run per message: builtins only.
Source   sgetopt(3)
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class BadOption(ValueError):
    """text: what is wrong, as the program says it after its own name and a colon."""

    def __init__(self, text: bytes) -> None:
        super().__init__(text.decode("latin-1"))
        self.text = text


class Options:
    """Iterate for (letter, argument), argument b"" for a letter without; then take operands. Raises BadOption at the letter in question,
    when those before it have been handed out."""

    __slots__ = ("_argv", "_at", "_kinds")

    def __init__(self, argv: list[bytes], known: str) -> None:
        self._argv = argv
        self._at = 0
        self._kinds = {ord(c): known[i + 1 : i + 2] for i, c in enumerate(known) if c not in ":?"}

    @property
    def operands(self) -> list[bytes]:
        return self._argv[self._at :]

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        while self._at < len(self._argv):
            word = self._argv[self._at]
            if word[:1] != b"-" or len(word) == 1:
                return
            self._at += 1
            if word[1:2] == b"-":
                return
            yield from self._letters(word)

    def _letters(self, word: bytes) -> Iterator[tuple[bytes, bytes]]:
        for at in range(1, len(word)):
            letter, kind = word[at : at + 1], self._kinds.get(word[at])
            if kind is None:
                raise BadOption(b"illegal option -- " + letter)
            if kind == ":":
                yield letter, word[at + 1 :] or self._next_word(letter)
                return
            if kind == "?":
                yield letter, word[at + 1 :]
                return
            yield letter, b""

    def _next_word(self, letter: bytes) -> bytes:
        if self._at >= len(self._argv):
            raise BadOption(b"option requires an argument -- " + letter)
        self._at += 1
        return self._argv[self._at - 1]
