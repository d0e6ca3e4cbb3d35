"""Service directories of tests, and supervise and svscan over them as processes. Whatever a test leaves running is ended by its pid."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from mta.formats import supervise_status
from mta.formats.supervise_status import Status
from tests.conftest import ROOT
from tests.support.call import Result, call
from tests.support.process import PATIENCE_S, eventually

_START = "import sys; sys.path.insert(0, {root!r}); from mta import runner; {first}runner.run({name!r})"


def start(
    name: str, *argv: str, log: Path, first: str = "", cwd: Path | None = None, stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """The program as bin/NAME runs it; what it says goes to log. first: statements to run before it."""
    code = _START.format(root=str(ROOT), first=first, name=name)
    with log.open("ab") as file:
        return subprocess.Popen(
            [os.path.realpath(os.sys.executable), "-I", "-S", "-c", code, *argv], stdin=stdin, stdout=file, stderr=file, cwd=cwd
        )


class Service:
    """A directory with a run script: sh, with the given body."""

    def __init__(self, path: Path, run: str | None) -> None:
        self.path = path
        path.mkdir(parents=True)
        if run is not None:
            self.write_run(run)

    def write_run(self, body: str) -> None:
        temporary = self.path / "run.new"
        temporary.write_text(f"#!/bin/sh\n{body}\n")
        temporary.chmod(0o755)
        temporary.rename(self.path / "run")

    def svc(self, letters: str) -> Result:
        return call("svc", [f"-{letters}".encode(), os.fsencode(self.path)], {})

    def is_supervised(self) -> bool:
        return call("svok", [os.fsencode(self.path)], {}).code == 0

    def svstat(self) -> bytes:
        return call("svstat", [os.fsencode(self.path)], {}).out.removeprefix(os.fsencode(self.path) + b": ").removesuffix(b"\n")

    def status(self) -> Status:
        return supervise_status.read((self.path / "supervise" / "status").read_bytes())

    def until(self, is_so: Callable[[Status], bool], what: str) -> Status:
        """The first status that is so."""
        eventually(lambda: self.is_supervised() and is_so(self.status()), f"{what}, but {self.path.name} is {self.svstat()!r}")
        return self.status()

    def until_up(self) -> Status:
        return self.until(lambda status: status.pid != 0, "it never came up")

    def end(self) -> None:
        """Down, and unsupervised, however stubborn."""
        if not (self.path / "supervise" / "status").exists():
            return
        self.svc("dkx")
        eventually(lambda: not self.is_supervised(), f"{self.path} is still supervised")


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE_S)


def is_alive(pid: int) -> bool:
    """A zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1] not in b"ZX"
    except FileNotFoundError:
        return False
