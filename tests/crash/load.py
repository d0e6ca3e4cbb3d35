"""Load: SMTP sessions that send numbered messages for as long as they are let, and note in the ledger what was acknowledged.

    with Loader(port, ledger, letter_of, sessions=4) as loader:
        ... kill something ...
    assert not loader.refused            # 5xx for mail that should be taken

Each attempt has a number of its own, used once: a message whose acknowledgement never came may have been taken or not.
A session goes on through everything: connections that are refused or break are made anew, 4xx is tried again with the next number.
"""

from __future__ import annotations

import itertools
import socket
import threading
from types import TracebackType

from tests.crash.ledger import Ledger, Letter, LetterOf

_TIMEOUT_S = 60.0
_PAUSE_S = 0.02  # after something that did not go
_PER_CONNECTION = 20


class _Gone(Exception):
    """The connection is of no more use."""


class Loader:
    """port: of an SMTP server on loopback. count: so many attempts at most. delay_s: between two messages of a session."""

    def __init__(
        self,
        port: int,
        ledger: Ledger,
        letter_of: LetterOf,
        *,
        sessions: int = 4,
        count: int | None = None,
        delay_s: float = 0.0,
        first: int = 1,
    ) -> None:
        self._port = port
        self._ledger = ledger
        self._letter_of = letter_of
        self._numbers = iter(range(first, first + count)) if count is not None else itertools.count(first)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._delay_s = delay_s
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(sessions)]
        self.tried = 0
        self.acknowledged = 0
        self.deferred = 0  # 4xx, and connections that broke
        self.refused: list[tuple[int, bytes]] = []  # 5xx

    def __enter__(self) -> Loader:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """After the messages under way."""
        self._stop.set()
        self.join()

    def join(self) -> None:
        """Until all of count have been tried, or after stop()."""
        for thread in self._threads:
            thread.join()

    def _next(self) -> int | None:
        with self._lock:
            number = next(self._numbers, None)
            if number is not None:
                self.tried += 1
            return number

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if not self._converse():
                    return
            except (OSError, _Gone):
                with self._lock:
                    self.deferred += 1
                self._stop.wait(_PAUSE_S)

    def _converse(self) -> bool:
        """One connection. False: there is nothing left to send. Raises OSError, _Gone."""
        with socket.create_connection(("127.0.0.1", self._port), _TIMEOUT_S) as sock, sock.makefile("rb") as file:
            session = _Session(sock, file.readline)
            session.expect(b"2")
            session.say(b"EHLO load.example")
            session.expect(b"2")
            for _ in range(_PER_CONNECTION):
                if self._stop.is_set():
                    break
                number = self._next()
                if number is None:
                    session.say(b"QUIT")
                    return False
                self._send(session, self._letter_of(number))
                self._stop.wait(self._delay_s)
            session.say(b"QUIT")
            session.expect(b"2")
            return True

    def _send(self, session: _Session, letter: Letter) -> None:
        reply = session.message(letter)
        with self._lock:
            if reply[:1] == b"2":
                self._ledger.note(letter.number)
                self.acknowledged += 1
            elif reply[:1] == b"5":
                self.refused.append((letter.number, reply))
            else:
                self.deferred += 1
        if reply[:1] != b"2":
            self._stop.wait(_PAUSE_S)


class _Session:
    def __init__(self, sock: socket.socket, readline: object) -> None:
        self._sock = sock
        self._readline = readline

    def say(self, line: bytes) -> None:
        self._sock.sendall(line + b"\r\n")

    def reply(self) -> bytes:
        """The last line of a reply. Raises _Gone."""
        while True:
            line: bytes = self._readline()  # type: ignore[operator]
            if not line.endswith(b"\n"):
                raise _Gone
            if line[3:4] != b"-":
                return line

    def expect(self, first: bytes) -> None:
        if self.reply()[:1] != first:
            raise _Gone

    def message(self, letter: Letter) -> bytes:
        """One transaction -> the reply that decided."""
        commands = [b"MAIL FROM:<%b>" % letter.sender, *(b"RCPT TO:<%b>" % r for r in letter.recipients), b"DATA"]
        for command in commands:
            self.say(command)
            reply = self.reply()
            if reply[:1] not in (b"2", b"3"):
                self.say(b"RSET")
                self.reply()
                return reply
        lines = letter.text().replace(b"\n.", b"\n..").replace(b"\n", b"\r\n")
        self._sock.sendall(lines + b".\r\n")
        return self.reply()
