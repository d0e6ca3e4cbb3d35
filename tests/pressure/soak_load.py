"""Mail for the soak, in a process of its own: at a given rate, or as fast as it is taken.

Mixture   ten messages a connection, one connection in twenty to submission (STARTTLS, AUTH); 2000 octets each; every thirtieth message
          goes to an alias that forwards elsewhere, the others to three mailboxes
Says      a line of JSON every WINDOW seconds: how many were acknowledged, how many not, how long the acknowledgement took
Stamp     X-Sent: the time of day at which the message was sent, by which its way to the mailbox is measured
Run as    python -m tests.pressure.soak_load SMTP_PORT SUBMISSION_PORT RATE WINDOW; RATE 0: no pauses. Until its input ends
"""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
import time
from base64 import b64encode

from tests.crash.faults_plane import PASSWORD
from tests.pressure.probe import percentile
from tests.support.smtp_client import Dialog

SESSIONS = 16
A_CONNECTION = 10
SUBMISSION_EACH = 20
FORWARD_EACH = 30
LATENCIES = (("acknowledged p50 ms", 50), ("acknowledged p99 ms", 99), ("acknowledged max ms", 100))
_BODY = b"".join(b"%03d %b\r\n" % (n, b"." * 66) for n in range(27))  # with the header 2000 octets


class Load:
    def __init__(self, smtp_port: int, submission_port: int, rate: float) -> None:
        self._ports = (smtp_port, submission_port)
        self._rate = rate
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self._number = 0
        self._connections = 0
        self._latencies: list[float] = []
        self._failed = 0
        self.stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(SESSIONS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join(30)

    def window(self) -> dict[str, float]:
        """What has come since the last window."""
        with self._lock:
            latencies, self._latencies = self._latencies, []
            failed, self._failed = self._failed, 0
        row: dict[str, float] = {"acknowledged": len(latencies), "failed": failed}
        if latencies:
            row |= {name: round(percentile(latencies, at) * 1000, 2) for name, at in LATENCIES}
        return row

    def _run(self) -> None:
        while not self.stop.is_set():
            try:
                self._connection()
            except (OSError, AssertionError):
                with self._lock:
                    self._failed += 1
                self.stop.wait(0.1)

    def _connection(self) -> None:
        with self._lock:
            self._connections += 1
            is_submission = self._connections % SUBMISSION_EACH == 0
        with Dialog(self._ports[is_submission]) as d:
            d.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _expect(d.say("EHLO load.example"), "250")
            if is_submission:
                _expect(d.say("STARTTLS"), "220")
                d.start_tls()
                _expect(d.say("EHLO load.example"), "250")
                _expect(d.say("AUTH PLAIN " + b64encode(b"\0bob@example.org\0" + PASSWORD).decode()), "235")
            for _ in range(A_CONNECTION):
                number = self._turn()
                if self.stop.is_set():
                    break
                self._message(d, number)
            d.say("QUIT")

    def _turn(self) -> int:
        """The number of the next message, when its time has come."""
        with self._lock:
            self._number += 1
            number = self._number
        if self._rate:
            self.stop.wait(max(0.0, self._begun + number / self._rate - time.monotonic()))
        return number

    def _message(self, d: Dialog, number: int) -> None:
        to = "to-far" if number % FORWARD_EACH == 0 else ("joe", "sue", "ann")[number % 3]
        for line, code in (("MAIL FROM:<bob@example.org>", "250"), (f"RCPT TO:<{to}@example.org>", "250"), ("DATA", "354")):
            _expect(d.say(line), code)
        head = b"Subject: soak %d\r\nX-Sent: %.6f\r\n\r\n" % (number, time.time())
        begun = time.monotonic()
        d.send(head + _BODY + b".\r\n")
        _expect(d.reply().decode("latin-1"), "250")
        took = time.monotonic() - begun
        with self._lock:
            self._latencies.append(took)


def _expect(reply: str, code: str) -> None:
    assert reply.startswith(code), reply


def main() -> None:
    smtp_port, submission_port, rate, window_s = sys.argv[1:]
    ssl.create_default_context()
    load = Load(int(smtp_port), int(submission_port), float(rate))
    is_over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), is_over.set()), daemon=True).start()
    load.start()
    while not is_over.wait(float(window_s)):
        print(json.dumps(load.window()), flush=True)
    load.join()
    print(json.dumps(load.window()), flush=True)


if __name__ == "__main__":
    main()
