"""The log of a server, written so that nobody waits for it: a logger that cannot write, its disk being full, must not stop the mail.

Lines    go into the pipe to the logger while there is room, which is asked for first. The pipe holds a megabyte, minutes of a busy hour.
         What does not fit is let go and counted; the first line that fits again is preceded by one that tells how many there were.
How      a descriptor of our own for the same pipe, which never blocks (its flags are nobody else's); where that may not be opened, poll(2)
         says whether a page fits, and only pages are written. Lines that come together are written a page at a time
Else     a file, a terminal: as Fds.say
Source   pipe(7), poll(2); multilog waits for its disk, however long it takes (multilog(8))
"""

from __future__ import annotations

import fcntl
import os
import select
import stat
from collections.abc import Iterable

_PIPE_SIZE = 1 << 20
_PAGE = 4096  # PIPE_BUF: a write of that size is whole or not at all


class LogPipe:
    """fd: the log. name: of the program, if its lines begin with that; for the line that tells of lost ones."""

    __slots__ = ("_fd", "_is_cut", "_is_pipe", "_lost", "_name", "_poll")

    def __init__(self, fd: int, name: bytes = b"") -> None:
        self._name = name + b": " if name else b""
        self._fd = fd
        self._is_pipe = _is_pipe(fd)
        self._lost = 0
        self._is_cut = False  # the last line is there in part
        self._poll: select.poll | None = None
        if self._is_pipe:
            self._prepare(fd)

    def _prepare(self, fd: int) -> None:
        try:
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        except OSError:  # its owner has many pipes already: it stays as large as it is
            pass
        try:
            self._fd = os.open(b"/proc/self/fd/%d" % fd, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            self._poll = select.poll()
            self._poll.register(fd, select.POLLOUT)

    def say(self, lines: Iterable[bytes]) -> None:
        """Whole lines, in order. Never raises: nobody watching is no trouble."""
        if not self._is_pipe:
            self._to_file(b"".join(lines))
            return
        piece: list[bytes] = []
        size = 0
        for line in lines:
            if piece and size + len(line) > _PAGE:
                self._say(piece)
                piece, size = [], 0
            piece.append(line)
            size += len(line)
        if piece:
            self._say(piece)

    def _say(self, lines: list[bytes]) -> None:
        """All of them or none, if they fit into a page."""
        if not self._write((self._note() if self._lost else b"") + b"".join(lines)):
            self._lost += len(lines)

    def _to_file(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError:
            pass

    def _note(self) -> bytes:
        """That there were lines before. It comes with the line that fits again: alone it would soon take the room of a line."""
        end = b"\n" if self._is_cut else b""
        return end + b"%bwarning: %d lines of this log are lost, nobody took them\n" % (self._name, self._lost)

    def _write(self, line: bytes) -> bool:
        """False: it does not fit, or only its beginning does."""
        for at in range(0, len(line), _PAGE):
            try:
                if self._poll is not None and not self._poll.poll(0):
                    raise BlockingIOError
                os.write(self._fd, line[at : at + _PAGE])
            except BlockingIOError:
                self._is_cut = self._is_cut or at > 0
                return False
            except OSError:  # the logger is gone
                break
        self._lost, self._is_cut = 0, False
        return True


def _is_pipe(fd: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(fd).st_mode)
    except OSError:
        return False
