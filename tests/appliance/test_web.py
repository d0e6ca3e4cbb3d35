"""One half of the web as deploy/services.py starts it: a page over its socket, an orderly end, and the end of one that hangs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.process import PATIENCE_S, eventually

pytestmark = pytest.mark.slow

MIGRATE = "import django; django.setup(); from django.core.management import call_command; call_command('migrate', verbosity=0)"
HANG = """
import re, sys
from appliance import web
web.HANG_S = 1
web.Web.load = lambda self: lambda environ, start: re.match(r"(a+)+$", "a" * 60 + "b")
web.main()
"""


class Half:
    def __init__(self, home: Path) -> None:
        self.socket = home / "run/webmail/http"
        self.socket.parent.mkdir(parents=True)
        (home / "webmail").mkdir()
        (home / "webmail/secret-key").write_text("only-for-tests\n")
        self.log = home / "log"
        self._env = {
            "PATH": "/usr/bin:/bin",
            "QMAIL_HOME": str(home),
            "APPLIANCE_ROLE": "webmail",
            "APPLIANCE_DEBUG": "1",  # no manifest of static files is needed then
            "DJANGO_SETTINGS_MODULE": "appliance.settings",
            "PYTHONPATH": str(ROOT),
        }
        subprocess.run([sys.executable, "-c", MIGRATE], cwd=ROOT, env=self._env, check=True)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([sys.executable, *words], cwd=ROOT, env=self._env, stdout=log, stderr=log)
        eventually(self._is_listening, "nobody listens")
        return self.process

    def _is_listening(self) -> bool:
        with socket.socket(socket.AF_UNIX) as sock:
            return sock.connect_ex(str(self.socket)) == 0

    def ask(self, path: str) -> bytes:
        """The first line of the answer; b"" when the connection broke."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE_S)
            sock.connect(str(self.socket))
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            return sock.recv(1000).partition(b"\r\n")[0]


@pytest.fixture
def half(tmp_path: Path) -> Iterator[Half]:
    found = Half(tmp_path)
    yield found
    found.process.kill()
    found.process.wait()


def test_it_serves_pages_and_ends_when_told(half: Half) -> None:
    with socket.socket(socket.AF_UNIX) as left_behind:  # by a process that was killed
        left_behind.bind(str(half.socket))
    process = half.start("-m", "appliance.web")
    assert half.ask("/mail/login") == b"HTTP/1.1 200 OK"
    assert half.ask("/mail/nothing") == b"HTTP/1.1 404 Not Found"
    assert half.socket.stat().st_mode & 0o777 == 0o666
    assert [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()] == []
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    assert "Traceback" not in half.log.read_text()


def test_one_that_hangs_says_where_and_ends(half: Half) -> None:
    process = half.start("-c", HANG)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(half.socket))
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert process.wait(PATIENCE_S) == 1
    assert "Timeout" in half.log.read_text() and "in match" in half.log.read_text()
    assert os.path.exists(half.socket)
