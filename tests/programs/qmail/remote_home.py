"""An instance home with what remote deliveries need, and qmail-rspawn as qmail-send sees it. For the tests of both remote programs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from mta.formats import spawn
from mta.unix.queuedir import Paths
from tests.conftest import ROOT
from tests.support.qmail_home import QmailHome


def make(folder: Path, **controls: str) -> QmailHome:
    """controls: {name of a file: its content}; me is me.test unless given."""
    home = QmailHome(folder / "qmail", me="me.test")
    home.control(**controls)
    return home


def queue(home: QmailHome, message: bytes) -> bytes:
    """Put a message into the queue -> its name below mess/."""
    return Paths(b"").split(home.enqueue(message, b"s@x.test", b"u@dest.test"))


def environment(home: QmailHome, **more: bytes) -> dict[bytes, bytes]:
    return {b"PATH": os.environb[b"PATH"], b"QMAIL_HOME": home.home, **{k.encode(): v for k, v in more.items()}}


class Rspawn:
    """A qmail-rspawn process. Its first octet has been read when the block begins; at the end of the block it must exit 0."""

    def __init__(self, home: QmailHome, **env: bytes) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mta", "qmail-rspawn"],
            cwd=ROOT,
            env=environment(home, **env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self._buffer = b""
        self.capacity = 0
        self.errors = b""

    def __enter__(self) -> Rspawn:
        assert self._process.stdout is not None
        first = self._process.stdout.read(1)
        self.capacity = first[0] if first else 0
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._process.kill()
        code = self.finish()
        if kind is None:
            assert (code, self.errors) == (0, b"")

    def finish(self) -> int:
        """Close the commands, wait for the end -> exit code. Reports that were not read are lost."""
        process = self._process
        assert process.stdin and process.stdout and process.stderr
        process.stdin.close()
        process.stdout.close()
        self.errors += process.stderr.read()
        process.stderr.close()
        return process.wait()

    def command(self, slot: int, message: bytes, recipient: bytes, sender: bytes = b"s@x.test") -> None:
        self.send(spawn.write_command(spawn.Command(slot, message, sender, recipient)))

    def send(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)

    def end_of_commands(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    def deafen(self) -> None:
        """Nobody reads the reports any more."""
        assert self._process.stdout is not None
        self._process.stdout.close()

    def reports(self, count: int) -> list[tuple[int, bytes]]:
        """The next reports, in the order in which they come: (slot, letter and text)."""
        assert self._process.stdout is not None
        found: list[spawn.Report] = []
        while len(found) < count:
            piece = self._process.stdout.read(1 << 16)
            assert piece, f"only {found} came; {self.errors!r}"
            new, self._buffer = spawn.read_reports(self._buffer + piece)
            found += new
        return [(r.slot, r.letter + r.text) for r in found]

    def deliver(self, message: bytes, recipient: bytes, sender: bytes = b"s@x.test", slot: int = 0) -> bytes:
        """One delivery -> its report."""
        self.command(slot, message, recipient, sender)
        ((got, report),) = self.reports(1)
        assert got == slot
        return report
