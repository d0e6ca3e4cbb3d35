"""control/queueextra: recipients that every message gets besides its own, before them. Qmail compiles them in (QUEUE_EXTRA).

Lines    an address each; a name without a domain is completed by qmail-send, as envnoathost says. "log", with ~alias/.qmail-log, keeps a
         copy of all mail
Rules    looked at once a second; a file that cannot be read changes nothing, and a line no envelope may hold is left out
Source   qmail-queue.c extra, FAQ 8.2
"""

from __future__ import annotations

import os

from mta.formats import address, control
from mta.unix import atomic

_Stamp = tuple[int, int, int]


class Extra:
    """home: of the instance, absolute."""

    def __init__(self, home: bytes) -> None:
        self._path = os.path.join(home, b"control/queueextra")
        self._stamp: _Stamp | None = None
        self._looked_s = -1
        self._records = b""

    def records(self, now_s: int) -> bytes:
        """T records, as todo.write takes them."""
        if now_s != self._looked_s:
            self._looked_s = now_s
            self._look()
        return self._records

    def _look(self) -> None:
        try:
            st = os.stat(self._path)
            stamp: _Stamp | None = (st.st_ino, st.st_mtime_ns, st.st_size)
        except FileNotFoundError:
            stamp = None
        except OSError:
            return
        if stamp == self._stamp:
            return
        try:
            data = atomic.read(self._path) or b""
        except OSError:
            return
        self._stamp = stamp
        self._records = b"".join(b"T%b\0" % line for line in control.lines(data) if _is_address(line))


def _is_address(line: bytes) -> bool:
    try:
        address.check(line)
    except ValueError:
        return False
    return True
