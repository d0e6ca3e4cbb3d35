"""qmail-send as a process, its spawners, its qmail-clean and its logger played by the test.

    with Sender(home) as send:
        command = send.local.command()
        send.local.report(command, b"K", b"did 1+0+0\\n")
        send.log_until("end msg")

QMAIL_SEND in the environment names another qmail-send to run the same tests against (an original binary).
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from types import TracebackType

from mta.formats import spawn
from mta.unix import warm
from tests.conftest import ROOT
from tests.support.qmail_home import QmailHome

PATIENCE_S = 20


def wait_readable(fd: int) -> None:
    ready, _, _ = select.select([fd], [], [], PATIENCE_S)
    assert ready, "nothing came in time"


class Spawner:
    """The other end of a channel."""

    def __init__(self, commands: int, reports: int, capacity: int) -> None:
        self._commands = commands
        self._reports = reports
        self._wide = spawn.width(capacity)
        self._buffer = b""
        self._waiting: list[spawn.Command] = []

    def hello(self, capacity: int = 120) -> None:
        os.write(self._reports, spawn.hello(capacity))

    def command(self) -> spawn.Command:
        """The next delivery asked for."""
        while not self._waiting:
            wait_readable(self._commands)
            data = os.read(self._commands, 65536)
            assert data, "qmail-send closed the channel"
            self._waiting, self._buffer = spawn.read_commands(self._buffer + data, self._wide)
        return self._waiting.pop(0)

    def report(self, command: spawn.Command, letter: bytes, text: bytes = b"") -> None:
        self.raw(spawn.write_report(command.slot, letter, text, self._wide))

    def raw(self, data: bytes) -> None:
        os.write(self._reports, data)

    def answer(self, letter: bytes, text: bytes = b"") -> spawn.Command:
        command = self.command()
        self.report(command, letter, text)
        return command

    def close(self) -> None:
        os.close(self._commands)
        os.close(self._reports)


class Sender:
    def __init__(self, home: QmailHome, env: dict[str, str] | None = None, capacity: int = 120) -> None:
        self.home = home
        self._env = {**os.environ, "QMAIL_HOME": str(home.path), **(env or {})}
        self._capacity = capacity
        self.lines: list[str] = []
        self._buffer = b""

    def __enter__(self) -> Sender:
        log_r, log_w = os.pipe()
        lc_r, lc_w = os.pipe()
        lr_r, lr_w = os.pipe()
        rc_r, rc_w = os.pipe()
        rr_r, rr_w = os.pipe()
        cc_r, cc_w = os.pipe()
        ca_r, ca_w = os.pipe()
        self.local, self.remote = Spawner(lc_r, lr_w, self._capacity), Spawner(rc_r, rr_w, self._capacity)
        self._log = log_r
        self.local.hello(self._capacity)
        self.remote.hello(self._capacity)
        self._clean = subprocess.Popen([sys.executable, "-m", "mta", "qmail-clean"], stdin=cc_r, stdout=ca_w, cwd=ROOT, env=self._env)
        wiring = {0: log_w, 1: lc_w, 2: lr_r, 3: rc_w, 4: rr_r, 5: cc_w, 6: ca_r}
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.chdir(ROOT)
                warm.rewire(wiring)
                os.closerange(7, 256)
                other = os.environ.get("QMAIL_SEND")
                argv = [other] if other else [sys.executable, "-m", "mta", "qmail-send"]
                os.execve(argv[0], argv, self._env)
            finally:
                os._exit(99)
        for fd in (*wiring.values(), cc_r, ca_w):
            os.close(fd)
        self.code: int | None = None
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
        for spawner in (self.local, self.remote):
            spawner.close()
        os.close(self._log)
        self._clean.wait(PATIENCE_S)

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self) -> int:
        """Exit code, once it has ended."""
        self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.code

    def stop(self) -> list[str]:
        """TERM, and the lines up to the end."""
        self.signal(signal.SIGTERM)
        found = self.log_until("status: exiting")
        assert self.wait() == 0
        return found

    def log_until(self, wanted: str) -> list[str]:
        """Lines up to the one that begins with wanted."""
        found: list[str] = []
        for line in self._log_lines():
            found.append(line)
            if line.startswith(wanted):
                return found
        raise AssertionError(f"the log ended without {wanted!r}: {found}")

    def _log_lines(self) -> Iterator[str]:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            line, newline, rest = self._buffer.partition(b"\n")
            if newline:
                self._buffer = rest
                self.lines.append(line.decode("latin-1"))
                yield self.lines[-1]
                continue
            wait_readable(self._log)
            data = os.read(self._log, 65536)
            if not data:
                return
            self._buffer += data
