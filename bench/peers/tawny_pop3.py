"""Ourselves as a POP3 server: an instance with the two programs that POP3 needs."""

from __future__ import annotations

from pathlib import Path

from bench.measure import answers, wait_until
from bench.peers.tawny import Tawny


class TawnyPop3(Tawny):
    def __init__(self, folder: Path, port: int, hashed: str) -> None:
        super().__init__(folder, port, hashed)
        self.mailbox = self.maildir.parent

    def start(self) -> None:
        self.run("login-broker")
        self.run("pop3d", "--listen", f"127.0.0.1:{self.port}")
        wait_until(lambda: answers(f"unix-seq:{self.home}/run/login-broker") and answers(f"tcp:127.0.0.1:{self.port} +OK"))

    def forget(self) -> None:
        """What it knows of the mailbox beside the messages."""
        for path in self.maildir.glob("tawny*"):
            path.unlink()
