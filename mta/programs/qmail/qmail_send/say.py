"""The log: qmail-send's lines (formats/qmaillog) on descriptor 0, gathered for one turn of the loop and written together."""

from __future__ import annotations

import os


class Say:
    """Lines in the order in which things happened. flush() before anything that waits."""

    __slots__ = ("_fd", "_lines")

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lines: list[bytes] = []

    def __call__(self, line: bytes) -> None:
        self._lines.append(line)

    def warning(self, text: bytes) -> None:
        self._lines.append(b"warning: %b\n" % text)

    def alert(self, text: bytes) -> None:
        self._lines.append(b"alert: %b\n" % text)

    def flush(self) -> None:
        if not self._lines:
            return
        data = b"".join(self._lines)
        self._lines.clear()
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError:  # nobody keeps the log; mail goes on
            pass
