"""Postfix's smtp-source as the load, the same for all contestants."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Protocol

from bench.measure import cpu_s, wait_until

SESSIONS, SIZE = 20, 2000


class Peer(Protocol):
    name: str
    port: int
    maildir: Path

    def start(self) -> None: ...

    def stop(self) -> None: ...


def send(peer: Peer, messages: int, *, keeps: bool) -> None:
    """keeps: connections stay open for many messages."""
    if shutil.which("smtp-source") is None:
        sys.exit("bench: smtp-source, the load, comes with postfix, which is not installed (as root, deploy/bench-packages does it)")
    words = ["smtp-source", "-s", str(SESSIONS), "-m", str(messages), "-l", str(SIZE), "-f", "ada@far.example", "-t", "joe@example.org"]
    subprocess.run([*words, *(["-d"] if keeps else []), f"127.0.0.1:{peer.port}"], check=True, stdout=subprocess.DEVNULL)


def delivered(peer: Peer) -> int:
    try:
        return len(os.listdir(peer.maildir / "new"))
    except FileNotFoundError:
        return 0


def run(peer: Peer, messages: int, *, keeps: bool) -> tuple[float, float, float]:
    """-> (accepted a second, delivered a second, CPU ms a message, generator included)"""
    before = delivered(peer)
    cpu, begun = cpu_s(), time.monotonic()
    send(peer, messages, keeps=keeps)
    accepted = time.monotonic()
    done = wait_until(lambda: delivered(peer) >= before + messages, every_s=0.05)
    return messages / (accepted - begun), messages / (done - begun), (cpu_s() - cpu) * 1000 / messages
