"""The log of a server with an event loop: lines said in one turn of the loop are written together, at its end (unix/log_pipe)."""

from __future__ import annotations

import asyncio

from mta.unix.log_pipe import LogPipe


class LogLines:
    """name: of the program, which begins every line; fd: the log. Outside the loop, and after close(), a line is written at once."""

    def __init__(self, name: bytes, fd: int) -> None:
        self._name = name
        self._log = LogPipe(fd, name)
        self._lines: list[bytes] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        """In the loop."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        self._loop = None
        self._flush()

    def __call__(self, text: bytes) -> None:
        self._lines.append(b"%b: %b\n" % (self._name, text))
        if self._loop is None:
            self._flush()
        elif len(self._lines) == 1:
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        if self._lines:
            self._log.say(self._lines)
            self._lines.clear()
