"""The actions, line by line: pieces of input in, what each directory, descriptor 2 and each "=FILE" gets out. Touches no file.

A line is judged when it is whole, or by its first 1000 octets when it is longer; what follows goes the way they went. So never more than a
piece and the beginning of a line is held, however long the lines.
"""

from __future__ import annotations

from mta.formats import multilog_script as ms
from mta.formats import tai64n

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Lines:
    """outs: per directory the pieces to append; stderr: what "e" says; statuses: per "=FILE" the line it shows, None while unchanged.
    Whoever writes them empties them. now_ns: the clock."""

    __slots__ = ("_begun", "_now_ns", "_script", "_tail", "outs", "statuses", "stderr")

    def __init__(self, script: ms.Script, now_ns: Callable[[], int]) -> None:
        self._script = script
        self._now_ns = now_ns
        self._begun = b""  # a line without its end, with its label
        self._tail: list[list[bytes]] | None = None  # within a long line: where the rest of it goes
        self.outs: list[list[bytes]] = [[] for _ in script.folders]
        self.stderr: list[bytes] = []
        self.statuses: list[bytes | None] = [None] * len(script.statuses)

    def feed(self, piece: bytes) -> None:
        if self._tail is not None:
            piece = self._go_on(self._tail, piece)
            if not piece:
                return
        *whole, last = piece.split(b"\n")
        if whole:
            if self._begun:
                self._line(self._begun + whole.pop(0))
                self._begun = b""
            self._many(whole)
        if last:
            self._begun = self._begun + last if self._begun else self._label() + last
            if len(self._begun) >= ms.HEAD_MAX:
                self._tail = self._judge(self._begun)
                for out in self._tail:
                    out.append(self._begun)
                self._begun = b""

    def end(self) -> None:
        """The input is over: a line without an end gets one."""
        if self._tail is not None or self._begun:
            self.feed(b"\n")

    def _go_on(self, tail: list[list[bytes]], piece: bytes) -> bytes:
        """The rest of a long line. -> what stands behind it."""
        line_end = piece.find(b"\n") + 1
        rest = piece[:line_end] if line_end else piece
        for out in tail:
            out.append(rest)
        if not line_end:
            return b""
        self._tail = None
        return piece[line_end:]

    def _label(self) -> bytes:
        return tai64n.write(self._now_ns()) + b" " if self._script.has_time else b""

    def _many(self, lines: list[bytes]) -> None:
        if not self._script.is_plain:
            for line in lines:
                self._line(self._label() + line)
            return
        if self._script.has_time:
            lines = [self._label() + line for line in lines]
        if lines:
            text = b"\n".join(lines) + b"\n"
            for out in self.outs:
                out.append(text)

    def _line(self, line: bytes) -> None:
        for out in self._judge(line):
            out.append(line + b"\n")

    def _judge(self, line: bytes) -> list[list[bytes]]:
        """-> where the line goes. A directory that is named twice is locked by us already, so none is."""
        head = line[: ms.HEAD_MAX]
        is_selected = True
        chosen = []
        for step in self._script.steps:
            kind = step.kind
            if kind == ms.DESELECT:
                is_selected = is_selected and not step.pattern.matches(head)
            elif kind == ms.SELECT:
                is_selected = is_selected or step.pattern.matches(head)
            elif not is_selected:
                continue
            elif kind == ms.FOLDER:
                chosen.append(self.outs[step.index])
            elif kind == ms.STATUS:
                self.statuses[step.index] = ms.status_file(head)
            else:
                self.stderr.append(ms.stderr_line(head))
        return chosen
