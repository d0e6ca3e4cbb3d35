"""queue/lock/tcpto on disk: which addresses recently timed out. What to do with it is decided in decisions/tcpto.

Every act opens the file, takes its flock, reads, perhaps writes one record, and closes. A file that is missing or closed to us is
as good as an empty one: only speed is lost.
Source   INTERNALS 7, tcpto.c, tcpto_clean.c
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence

from mta.decisions import tcpto as decide
from mta.formats import tcpto
from mta.unix import lock

Change = Callable[[Sequence[tcpto.Entry], bytes], tuple[int, tcpto.Entry] | None]


class TcpTo:
    """path: the file. pid: spreads the end of a pause. The file holds IPv4 addresses only; to others none of this applies."""

    def __init__(self, path: bytes, *, pid: int) -> None:
        self._path = path
        self._pid = pid

    def look(self, ip: str, now_s: int) -> tuple[bool, bool]:
        """-> (leave this address out for now, it stands in the file)."""
        packed = _packed(ip)
        fd = None if packed is None else self._open()
        if packed is None or fd is None:
            return False, False
        try:
            entries = _entries(fd)
        finally:
            os.close(fd)
        return decide.is_skipped(entries, packed, now_s=now_s, pid=self._pid), decide.find(entries, packed) is not None

    def timed_out(self, ip: str, now_s: int) -> None:
        self._change(ip, lambda entries, packed: decide.timed_out(entries, packed, now_s=now_s))

    def connected(self, ip: str) -> None:
        """To be called when look() found the address in the file."""
        self._change(ip, decide.connected)

    def empty(self) -> None:
        """All addresses forgotten; the file has its full length afterwards. Raises OSError."""
        fd = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            lock.wait_exclusive(fd)
            os.pwrite(fd, bytes(tcpto.SIZE), 0)
        finally:
            os.close(fd)

    def _change(self, ip: str, change: Change) -> None:
        packed = _packed(ip)
        fd = None if packed is None else self._open()
        if packed is None or fd is None:
            return
        try:
            written = change(_entries(fd), packed)
            if written is not None:
                index, entry = written
                os.pwrite(fd, tcpto.write(entry), index * tcpto.RECORD_SIZE)
        except OSError:  # a record that cannot be written is a time-out that is not remembered
            pass
        finally:
            os.close(fd)

    def _open(self) -> int | None:
        """A descriptor that holds the lock, or None."""
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            lock.wait_exclusive(fd)
        except OSError:
            os.close(fd)
            return None
        return fd


def _entries(fd: int) -> list[tcpto.Entry]:
    try:
        return tcpto.read(os.pread(fd, tcpto.SIZE, 0))
    except OSError:
        return []


def _packed(ip: str) -> bytes | None:
    try:
        return socket.inet_pton(socket.AF_INET, ip)
    except OSError:
        return None
