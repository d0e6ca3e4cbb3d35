"""Lines of a log -> entries for syslog, as splogger makes them.

Entry    level and text; text is "SECONDS.MICROSECONDS LINE". A line that begins with "warning:" or "alert:" has that level, others info.
Rules    bytes that are no visible ASCII become "?". A line of more than 799 octets makes several entries: all have the stamp and the level
         of the first, and a "+" stands between stamp and text in those behind it. Empty lines make none; neither does a last line
         that does not end, but for the entries it has filled.
Example  b"warning: x\\n" at 1000000000.000007 -> (WARNING, b"1000000000.000007 warning: x")
Source   splogger(8), splogger.c, syslog(3)
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PIECE = 799  # syslog cuts what is longer, or did
ALERT, WARNING, INFO = 1, 4, 6  # of syslog(3)
_LEVELS = ((b"warning:", WARNING), (b"alert:", ALERT))
_VISIBLE = bytes(c if 32 <= c <= 126 else ord("?") for c in range(256))


class Cutter:
    """now_ns: asked once for each line."""

    __slots__ = ("_held", "_is_inside", "_level", "_now_ns", "_stamp")

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._held = b""
        self._is_inside = False  # a piece of this line has been handed out
        self._stamp = b""
        self._level = INFO

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        *ended, self._held = (self._held + data).split(b"\n")
        for line in ended:
            yield from self._pieces(line)
            self._is_inside = False
        whole = (len(self._held) - 1) // PIECE * PIECE  # what is full is let go as soon as something follows it
        if whole > 0:
            yield from self._pieces(self._held[:whole])
            self._held = self._held[whole:]

    def _pieces(self, line: bytes) -> Iterator[tuple[int, bytes]]:
        for at in range(0, len(line), PIECE):
            yield self._entry(line[at : at + PIECE].translate(_VISIBLE))

    def _entry(self, text: bytes) -> tuple[int, bytes]:
        mark = b"+"
        if not self._is_inside:
            mark = b" "
            self._is_inside = True
            self._stamp = b"%d.%06d" % divmod(self._now_ns() // 1000, 1_000_000)
            self._level = next((level for word, level in _LEVELS if text.startswith(word)), INFO)
        return self._level, self._stamp + mark + text
