"""The header of the message on a descriptor, for programs that ask it something. What follows it is left unread, but for what came with it.

Loaded by programs that run per message: builtins only.
"""

from __future__ import annotations

import os

from mta.formats.mess822_header import Splitter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE = 1 << 16


def fields(fd: int) -> Iterator[bytes]:
    """Whole, in order. Raises OSError."""
    splitter = Splitter()
    while not splitter.is_body:
        piece = os.read(fd, _PIECE)
        found, _ = splitter.feed(piece) if piece else splitter.close()
        yield from found
