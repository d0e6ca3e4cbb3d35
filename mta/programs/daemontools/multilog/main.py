"""The loop of multilog: write all that was read, then wait for more, a signal or the end."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import os
import select
import time

from mta.formats import multilog_script
from mta.programs.daemontools.multilog.lines import Lines
from mta.programs.daemontools.multilog.logdir import LogDir
from mta.programs.daemontools.multilog.patience import NAME, Unusable, until_done
from mta.unix import say, signals
from mta.unix.fds import Fds

_PIECE = 1 << 16  # what a pipe holds


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    script = multilog_script.read(argv)
    wake = signals.Wakeup((_signal.SIGTERM, _signal.SIGALRM))
    try:
        statuses = [_Status(path, fds) for path in script.statuses]
        folders = [LogDir(folder, env, fds) for folder in script.folders]
        _Multilog(Lines(script, time.time_ns), folders, statuses, wake, fds).run()
    except Unusable as trouble:
        return say.fatal(fds, NAME, trouble.text, trouble.error)
    finally:
        wake.close()
    return 0


def guard() -> None:
    """In a process of our own: the modes of our files do not depend on who started us."""
    os.umask(0o022)


class _Status:
    """A "=FILE": overwritten in place, so that readers never find it empty. Raises Unusable at the start."""

    __slots__ = ("_fd", "_fds", "_path")

    def __init__(self, path: bytes, fds: Fds) -> None:
        self._path = path
        self._fds = fds
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK, 0o600)
        except OSError as error:
            raise Unusable(b"unable to create " + path, error) from error

    def show(self, data: bytes) -> None:
        until_done(self._fds, b"unable to write " + self._path, lambda: self._write(data))

    def _write(self, data: bytes) -> None:
        os.lseek(self._fd, 0, os.SEEK_SET)
        while data:
            data = data[os.write(self._fd, data) :]

    def close(self) -> None:
        os.close(self._fd)


class _Multilog:
    __slots__ = ("_fds", "_folders", "_is_leaving", "_is_line_end", "_lines", "_piece", "_poll", "_statuses", "_wake")

    def __init__(self, lines: Lines, folders: list[LogDir], statuses: list[_Status], wake: signals.Wakeup, fds: Fds) -> None:
        self._lines = lines
        self._folders = folders
        self._statuses = statuses
        self._wake = wake
        self._fds = fds
        # what we hold is lost when we are killed, and the end of a file takes its time: no more than one of them in a piece
        self._piece = min([_PIECE, *(folder.size for folder in folders)])
        self._is_leaving = False
        self._is_line_end = True
        self._poll = select.poll()
        self._poll.register(wake.fd, select.POLLIN)
        self._poll.register(fds[0], select.POLLIN)

    def run(self) -> None:
        while piece := self._read():
            self._is_line_end = piece.endswith(b"\n")
            self._lines.feed(piece)
            self._flush()
        self._lines.end()
        self._flush()
        for folder in self._folders:
            folder.close()
        for status in self._statuses:
            status.close()

    def _read(self) -> bytes:
        """b"" at the end of the input or, once we are to leave, of the line; up to there octet by octet, as the rest is our successor's."""
        while True:
            ready = [fd for fd, _ in self._poll.poll()]
            if self._wake.fd in ready:
                for number in self._wake.take():
                    self._signalled(number)
            if self._is_leaving and self._is_line_end:
                return b""
            if self._fds[0] not in ready:
                continue
            try:
                return os.read(self._fds[0], 1 if self._is_leaving else self._piece)
            except BlockingIOError:
                continue
            except OSError:  # what cannot be read is over, as in the original
                return b""

    def _signalled(self, number: int) -> None:
        if number == _signal.SIGTERM:
            self._is_leaving = True
            return
        for folder in self._folders:
            folder.rotate()

    def _flush(self) -> None:
        for folder, out in zip(self._folders, self._lines.outs, strict=True):
            if out:
                folder.write(out[0] if len(out) == 1 else b"".join(out))
                out.clear()
        if self._lines.stderr:
            self._fds.say(b"".join(self._lines.stderr))
            self._lines.stderr.clear()
        for i, data in enumerate(self._lines.statuses):
            if data is not None:
                self._statuses[i].show(data)
                self._lines.statuses[i] = None
