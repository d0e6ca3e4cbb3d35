"""The log: qmail-send's lines (formats/qmaillog) on descriptor 0, gathered for one turn of the loop and written together."""

from __future__ import annotations

from mta.unix.log_pipe import LogPipe


class Say:
    """Lines in the order in which things happened. flush() before anything that waits."""

    __slots__ = ("_lines", "_log")

    def __init__(self, fd: int) -> None:
        self._log = LogPipe(fd)
        self._lines: list[bytes] = []

    def __call__(self, line: bytes) -> None:
        self._lines.append(line)

    def warning(self, text: bytes) -> None:
        self._lines.append(b"warning: %b\n" % text)

    def alert(self, text: bytes) -> None:
        self._lines.append(b"alert: %b\n" % text)

    def flush(self) -> None:
        if self._lines:
            self._log.say(self._lines)
            self._lines.clear()
