"""Somebody who fetches mail with POP3 and deletes it, again and again, through everything.

with Reader(port, "ann@example.org", "secret") as reader: ...
reader.copies            # every message that came whole, each time it came; its name is its UIDL
reader.came_back         # UIDLs that were listed again after the server had confirmed their deletion
"""

from __future__ import annotations

import poplib
import socket
import threading
from types import TracebackType

from tests.crash.ledger import Copy, copies

_PAUSE_S = 0.2
_TIMEOUT_S = 30.0
_AT_ONCE = 50


class _Pop(poplib.POP3):
    """Closes its socket when the greeting does not come, too."""

    sock: socket.socket | None = None

    def __init__(self, port: int) -> None:
        try:
            super().__init__("127.0.0.1", port, _TIMEOUT_S)
        except BaseException:
            if self.sock is not None:
                self.close()
            raise


class Reader:
    def __init__(self, port: int, user: str, password: str) -> None:
        self._port = port
        self._user = user
        self._password = password
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._deleted: set[bytes] = set()
        self.copies: list[Copy] = []
        self.came_back: set[bytes] = set()
        self.sessions = 0  # that ended as they should
        self.broken = 0

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._session()
                self.sessions += 1
            except (OSError, EOFError, poplib.error_proto):
                self.broken += 1
            self._stop.wait(_PAUSE_S)

    def _session(self) -> None:
        pop = _Pop(self._port)
        try:
            pop.user(self._user)
            pop.pass_(self._password)
            listed = [line.split(b" ", 1) for line in pop.uidl()[1][:_AT_ONCE]]
            for number, uid in listed:
                lines = pop.retr(int(number))[1]
                self.copies += copies(b"\n".join(lines) + b"\n", self._user.encode(), uid)
                pop.dele(int(number))
            self.came_back |= self._deleted & {uid for _, uid in listed}
            pop.quit()
            self._deleted |= {uid for _, uid in listed}
        finally:
            pop.close()
