"""The connection of a client of maildirserial: descriptors 6 to read and 7 to write, as tcpclient gives them, and how long to wait for it.

A wait is for either: what the other side says is taken while what we say is on its way, so that neither waits for the other for ever.
Source   serialsmtp.c, serialqmtp.c
"""

from __future__ import annotations

import os
import select

from mta.formats.error_str import error_str

_PIECE = 1 << 16
_WRITE_MAX = select.PIPE_BUF  # a blocking descriptor that is ready takes that much without waiting
_READY_TO_READ = select.POLLIN | select.POLLHUP | select.POLLERR | select.POLLNVAL


class Lost(Exception):
    """The connection is of no use any more. Its text is for the log."""


class Wire:
    """read_s, write_s: how long the other side may take to say something, or to take something."""

    def __init__(self, fd_in: int, fd_out: int, *, read_s: int, write_s: int) -> None:
        self._fd_in = fd_in
        self._fd_out = fd_out
        self._read_ms = read_s * 1000
        self._write_ms = write_s * 1000
        self._out = bytearray()

    def say(self, data: bytes) -> None:
        """It goes out before the next read."""
        self._out += data

    @property
    def unsaid(self) -> int:
        """Octets that have not gone out yet."""
        return len(self._out)

    def flush(self) -> None:
        """Raises Lost."""
        while self._out:
            self._wait(self._write_ms, "write", reads=False)
            self._write()

    def read(self) -> bytes:
        """The next bytes, once all we have to say is said. Raises Lost."""
        self.flush()
        self._wait(self._read_ms, "read", reads=True)
        return self._read()

    def exchange(self) -> bytes:
        """A step of both: the next bytes, or b"" when some of ours went out. Raises Lost."""
        events = self._wait(self._write_ms if self._out else self._read_ms, "write" if self._out else "read", reads=True)
        if self._fd_in in events:
            return self._read()
        self._write()
        return b""

    def _wait(self, limit_ms: int, what: str, *, reads: bool) -> set[int]:
        poll = select.poll()
        wanted = {self._fd_in: select.POLLIN} if reads else {}
        if self._out:
            wanted[self._fd_out] = wanted.get(self._fd_out, 0) | select.POLLOUT
        for fd, event in wanted.items():
            poll.register(fd, event)
        ready = poll.poll(limit_ms)
        if not ready:
            raise Lost(f"network {what} error: timed out")
        # one descriptor may stand for both directions: then what is there to read comes first
        return {fd for fd, event in ready if fd != self._fd_in or event & _READY_TO_READ}

    def _read(self) -> bytes:
        try:
            data = os.read(self._fd_in, _PIECE)
        except OSError as error:
            raise Lost(f"network read error: {error_str(error.errno)}") from error
        if not data:
            raise Lost("network read error: end of file")
        return data

    def _write(self) -> None:
        try:
            written = os.write(self._fd_out, self._out[:_WRITE_MAX])
        except OSError as error:
            raise Lost(f"network write error: {error_str(error.errno)}") from error
        del self._out[:written]
