"""An mbox, taken apart into its messages (formats/mbox tells how it is put together).

Begin    a line that begins "From " at the start of the file, or behind an empty line; elsewhere it is a line of the message
Message  the lines behind that one; of a line that begins with ">"s and "From " one ">" goes; the empty line before the next From_ line, or
         the end of the file, is none of it
Example  b"From a@b Sat Jan 03 01:05:34 1996\\nX: y\\n\\n>From here\\n\\n" holds b"X: y\\n\\nFrom here\\n"
Limits   what stands before the first From_ line is no message; lines may be of any length
Source   mbox(5)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mta.formats import mbox

FROM = b"From "
_PIECE = 1 << 16

Readline = Callable[[int], bytes]


def messages(readline: Readline) -> Iterator[Iterator[bytes]]:
    """readline(limit): the next line or piece of one, b"" at the end. Each message is its lines and pieces of lines, to be taken before the
    next one is asked for. Raises what readline raises."""
    state = _State(readline)
    while state.skip_to_from():
        yield state.message()


class _State:
    """_next: what was read and not handed out. _is_inside: it does not begin a line."""

    def __init__(self, readline: Readline) -> None:
        self._readline = readline
        self._next = readline(_PIECE)
        self._is_inside = False
        self._is_after_empty = True

    def skip_to_from(self) -> bool:
        """Past the next From_ line. False: there is none."""
        while self._next and not self._is_from():
            self._advance()
        if not self._next:
            return False
        self._advance()
        while self._next and self._is_inside:
            self._advance()
        self._is_after_empty = False
        return True

    def _is_from(self) -> bool:
        return self._is_after_empty and not self._is_inside and self._next.startswith(FROM)

    def _advance(self) -> None:
        self._is_after_empty = self._next == b"\n" and not self._is_inside
        self._is_inside = not self._next.endswith(b"\n")
        self._next = self._readline(_PIECE)

    def message(self) -> Iterator[bytes]:
        held = b""  # an empty line: one of the message, unless a From_ line or the end follows
        while self._next and not self._is_from():
            yield held
            is_empty = self._next == b"\n" and not self._is_inside
            held = self._next if is_empty else b""
            if not is_empty:
                yield self._next if self._is_inside else mbox.unquote(self._next)
            self._advance()
        if held != b"\n":  # the file was cut short, or ends without its empty line
            yield held
