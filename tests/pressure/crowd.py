"""Many clients at once, in a process of their own: some only hold their connection, some say a byte now and then.

    with Crowd(port, "starttls", idle=2000, drip=200, drip_s=10) as crowd:    # when all of them are connected
        crowd.opened, crowd.refused, crowd.seconds
    # all have hung up

Kinds     plain, starttls, tls (SMTP); pop3, pop3s. Every other idle client has said EHLO or CAPA, the rest nothing at all
Drip      half of them within a command line that never ends, half within a message that never does (POP3: all within a command)
Refused   by what was said in the banner's place; "" for those who heard nothing
Run as    python -m tests.pressure.crowd PORT KIND IDLE DRIP DRIP_S SOURCE: one line of JSON when all are there; until its input ends
"""

from __future__ import annotations

import json
import select
import socket
import ssl
import subprocess
import sys
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from types import TracebackType

from mta.unix import rlimit
from tests.conftest import ROOT
from tests.crash.faults_plane import PASSWORD

PATIENCE_S = 30.0


class Crowd:
    def __init__(self, port: int, kind: str, *, idle: int, drip: int = 0, drip_s: float = 10.0, source: str = "") -> None:
        self._words = [str(port), kind, str(idle), str(drip), str(drip_s), source]

    def __enter__(self) -> Crowd:
        command = [sys.executable, "-m", "tests.pressure.crowd", *self._words]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin and self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            self._process.stdin.close()
            self._process.stdout.close()
            raise AssertionError(f"the crowd did not come together: {self._process.wait(PATIENCE_S)}")
        told = json.loads(line)
        self.opened: int = told["opened"]
        self.refused: Counter[str] = Counter(told["refused"])
        self.seconds: float = told["seconds"]
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        rest = self._process.stdout.read()
        self._process.stdout.close()
        code = self._process.wait(PATIENCE_S)
        self.dripped = int(rest or b"0")  # octets
        assert code == 0 or kind is not None, "the crowd broke down"


class _Refused(Exception):
    """What was heard in the banner's place."""


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class _Client:
    """Connected, and past its banner. Raises _Refused, OSError."""

    def __init__(self, port: int, kind: str, source: str, context: ssl.SSLContext) -> None:
        self._is_pop = kind.startswith("pop")
        self._wants_login = kind == "tls"  # submission's
        where = (source, 0) if source else None
        self.sock = socket.create_connection(("127.0.0.1", port), PATIENCE_S, where)
        try:
            if kind in ("tls", "pop3s"):
                self.sock = context.wrap_socket(self.sock)
            banner = self.sock.recv(512)
            if not banner.startswith((b"220", b"+OK")):
                raise _Refused(banner.decode("latin-1").strip())
            if kind == "starttls":
                self.ask(b"EHLO crowd.example")
                self.ask(b"STARTTLS")
                self.sock = context.wrap_socket(self.sock)
        except (OSError, _Refused):
            self.sock.close()
            raise

    def ask(self, line: bytes) -> None:
        self.sock.sendall(line + b"\r\n")
        heard = self.sock.recv(4096)
        if heard[:1] not in (b"2", b"3", b"+"):
            raise _Refused(heard.decode("latin-1").strip())

    def greet(self) -> None:
        self.ask(b"CAPA" if self._is_pop else b"EHLO crowd.example")

    def begin_message(self) -> None:
        if not self._is_pop:
            login = [b"AUTH PLAIN " + b64encode(b"\0bob@example.org\0" + PASSWORD)] if self._wants_login else []
            for line in (b"EHLO drip.example", *login, b"MAIL FROM:<drip@far.example>", b"RCPT TO:<joe@example.org>", b"DATA"):
                self.ask(line)
            self.sock.sendall(b"X-Drip: ")


def _gather(port: int, kind: str, idle: int, drip: int, source: str) -> tuple[list[_Client], list[_Client], Counter[str]]:
    context = _context()
    idlers: list[_Client] = []
    drippers: list[_Client] = []
    refused: Counter[str] = Counter()
    for number in range(idle + drip):
        try:
            client = _Client(port, kind, source, context)
        except _Refused as words:
            refused[str(words)] += 1
            continue
        except OSError:
            refused[""] += 1
            continue
        if number >= idle:
            drippers.append(client)
            if number % 2:
                client.begin_message()
        else:
            idlers.append(client)
            if number % 2:
                client.greet()
    return idlers, drippers, refused


def _turns(drippers: list[_Client], drip_s: float) -> Iterator[int]:
    """Let them say a byte one after the other until our input ends -> how many each turn said."""
    while True:
        for client in drippers or [None]:
            if select.select([0], [], [], drip_s / max(1, len(drippers)))[0]:
                return
            if client is not None:
                client.sock.send(b"x")
                yield 1


def main() -> None:
    rlimit.raise_descriptors()
    port, kind, idle, drip, drip_s, source = sys.argv[1:]
    begun = time.monotonic()
    idlers, drippers, refused = _gather(int(port), kind, int(idle), int(drip), source)
    told = {"opened": len(idlers) + len(drippers), "refused": refused, "seconds": round(time.monotonic() - begun, 2)}
    print(json.dumps(told), flush=True)
    dripped = sum(_turns(drippers, float(drip_s)))
    for client in [*idlers, *drippers]:
        client.sock.close()
    print(dripped, flush=True)


if __name__ == "__main__":
    main()
