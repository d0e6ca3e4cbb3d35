"""People who fetch and delete their mail with POP3, mailbox after mailbox, so that a soak does not fill the disk; in a process of its own.

Session   USER, PASS, UIDL, RETR of the first five, DELE of all that were listed (a hundred commands at a time), QUIT
Says      at its end one line: sessions, messages, sessions that broke, the slowest seconds from connecting to the answer to PASS
Run as    python -m tests.pressure.soak_reader POP3_PORT MAILBOX ...; until its input ends
"""

from __future__ import annotations

import socket
import sys
import threading
import time

from tests.crash.faults_plane import DOMAIN, PASSWORD

RETRIEVED = 5
AT_ONCE = 100
PAUSE_S = 0.2


class Session:
    """Raises OSError, AssertionError."""

    def __init__(self, port: int) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port), 30)
        self._file = self._sock.makefile("rb")

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._sock.close()

    def say(self, *lines: bytes) -> None:
        self._sock.sendall(b"".join(line + b"\r\n" for line in lines))

    def ok(self) -> bytes:
        line = self._file.readline()
        assert line.startswith(b"+OK"), line
        return line

    def ask(self, line: bytes) -> bytes:
        self.say(line)
        return self.ok()

    def lines(self) -> int:
        """Of an answer of many, its end not counted."""
        count = 0
        while (line := self._file.readline()) != b".\r\n":
            assert line, "the answer breaks off"
            count += 1
        return count


def fetch(port: int, mailbox: str) -> tuple[int, float]:
    """One session -> (messages deleted, seconds to the answer to PASS)."""
    begun = time.monotonic()
    with Session(port) as pop:
        pop.ok()
        pop.ask(b"USER %b@%b" % (mailbox.encode(), DOMAIN.encode()))
        pop.ask(b"PASS " + PASSWORD)
        logged_in_s = time.monotonic() - begun
        pop.ask(b"UIDL")
        count = pop.lines()
        for number in range(1, min(count, RETRIEVED) + 1):
            pop.ask(b"RETR %d" % number)
            pop.lines()
        for first in range(1, count + 1, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, count + 1))
            pop.say(*(b"DELE %d" % number for number in numbers))
            for _ in numbers:
                pop.ok()
        pop.ask(b"QUIT")
        return count, logged_in_s


def main() -> None:
    port, mailboxes = int(sys.argv[1]), sys.argv[2:]
    is_over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), is_over.set()), daemon=True).start()
    sessions = messages = broken = 0
    slowest_s = 0.0
    while not is_over.is_set():
        for mailbox in mailboxes:
            try:
                count, logged_in_s = fetch(port, mailbox)
                sessions, messages, slowest_s = sessions + 1, messages + count, max(slowest_s, logged_in_s)
            except (OSError, AssertionError) as error:
                print(f"{mailbox}: {error}", file=sys.stderr, flush=True)
                broken += 1
            is_over.wait(PAUSE_S)
    print(sessions, messages, broken, round(slowest_s, 3), flush=True)


if __name__ == "__main__":
    main()
