"""Programs as processes: started from this checkout, watched until they answer, ended by their pid.

with running(home, "queue-writer") as process: ...
"""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import ROOT

PATIENCE_S = 20.0


class Process:
    def __init__(self, home: Path, name: str, *argv: str, env: dict[str, str] | None = None) -> None:
        self.log = home / f"{name}.{time.monotonic_ns()}.log"
        whole = {**os.environ, "QMAIL_HOME": str(home), **(env or {})}
        with self.log.open("wb") as log:
            self._popen = subprocess.Popen([sys.executable, "-m", "mta", name, *argv], cwd=ROOT, env=whole, stdout=log, stderr=log)
        self.name = name

    @property
    def pid(self) -> int:
        return self._popen.pid

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, is_ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not is_ready():
            assert self._popen.poll() is None, f"{self.name} ended: {self.said()}"
            assert time.monotonic() < deadline, f"{self.name} is not ready: {self.said()}"
            time.sleep(0.01)

    def wait_said(self, text: str) -> None:
        self.wait_for(lambda: text in self.said())

    def end(self) -> int:
        """TERM, and its exit code."""
        self._popen.terminate()
        return self._popen.wait(PATIENCE_S)

    def wait(self) -> int:
        return self._popen.wait(PATIENCE_S)

    def kill(self) -> None:
        self._popen.kill()
        self._popen.wait(PATIENCE_S)


@contextmanager
def running(home: Path, name: str, *argv: str, says: str = "status: ", env: dict[str, str] | None = None) -> Iterator[Process]:
    """A server that is ready once it says so."""
    process = Process(home, name, *argv, env=env)
    try:
        process.wait_said(says)
        yield process
    finally:
        process.kill()


def eventually(is_so: Callable[[], bool], what: str) -> None:
    """Try until it is so, or fail after a while with what was waited for."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def lasting_port() -> int:
    """One that nobody gets who asks for any port: it is still free when its server has been down for a while."""
    any_from = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.SystemRandom().randrange(any_from // 2, any_from)
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def own_address() -> str:
    """A loopback address that another run of the tests on this machine does not have, for ports that cannot be chosen."""
    pid = os.getpid()
    return f"127.{1 + (pid >> 16) % 254}.{(pid >> 8) % 256}.{pid % 256}"


def why_not_at(port: int) -> str | None:
    """Why nothing can listen on that port of own_address(), or None."""
    try:
        socket.create_server((own_address(), port)).close()
    except OSError as error:
        return f"port {port}, which cannot be chosen, is closed to us: {error.strerror}"
    return None


def ignored_by_us() -> str:
    """SigIgn of /proc for a program that starts with what these tests were started with, less the two that Python ignores."""
    mask = re.search(r"SigIgn:\s+(\S+)", Path("/proc/self/status").read_text())
    assert mask
    return f"{int(mask[1], 16) & ~(1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1):016x}"
