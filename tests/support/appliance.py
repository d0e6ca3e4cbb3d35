"""The whole appliance as a person starts it: deploy.up in a folder of its own on free ports, every service a process.

    with Appliance(dnscacheip=...) as a:
        a.manage("vadddomain", "example.org", "secret")
        a.smtp_port, a.pop3_port, a.url ...

As root it runs with all users of the mail system (deploy/users must have made them), else as one user.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

from mta.unix import accounts
from tests.conftest import ROOT
from tests.support.process import free_port

READY_S, STOP_S = 90.0, 5.0
PORTS = ("SMTP", "SUBMISSION", "SMTPS", "POP3", "POP3S", "WEB")


def why_not() -> str | None:
    """Why it cannot be started here, or None."""
    if os.geteuid() == 0 and accounts.missing():
        return "as root the users of the mail system are needed: run deploy/users"
    return None


class Appliance:
    def __init__(self, dnscacheip: str = "", extra: dict[str, str] | None = None) -> None:
        # not below pytest's own folder: other users must be able to enter
        self.folder = Path(tempfile.mkdtemp(prefix="appliance-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.home = self.folder / "q"
        self.ports = {name: free_port() for name in PORTS}
        self.env = {
            **{k: v for k, v in os.environ.items() if k not in ("DJANGO_SETTINGS_MODULE", "APPLIANCE_ROLE")},
            "QMAIL_HOME": str(self.home),
            "APPLIANCE_ME": "mx.example.net",
            **{f"{name}_PORT": str(port) for name, port in self.ports.items()},
            **({"DNSCACHEIP": dnscacheip} if dnscacheip else {}),
            **(extra or {}),
        }
        self._log = self.folder / "up.log"
        self.operator, self.password = "", ""

    def __enter__(self) -> Appliance:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['WEB']}"

    def start(self) -> None:
        """Until the line "ready:"."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([sys.executable, "-m", "deploy.up"], cwd=ROOT, env=self.env, stdout=log, stderr=log)
        deadline = time.monotonic() + READY_S
        while "\nready:" not in self.said():
            assert self._process.poll() is None and time.monotonic() < deadline, self.said() + self.logs()
            time.sleep(0.05)
        match = re.search(r"first operator: (\S+)\s+password: (\S+)", self.said())
        if match:
            self.operator, self.password = match[1], match[2]

    def stop(self) -> tuple[int, float]:
        """-> exit code, seconds it took."""
        begun = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(30)
        return code, time.monotonic() - begun

    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def logs(self) -> str:
        """The end of every service's log, for the message of a failed assert."""
        found = []
        for path in sorted((self.home / "service").glob("*/log/main/current")):
            found.append(f"\n== {path.parts[-4]}\n{path.read_text(errors='replace')[-1500:]}")
        return "".join(found)

    def log(self, service: str) -> str:
        return (self.home / "service" / service / "log/main/current").read_text(errors="replace")

    def manage(self, *words: str, given: str | None = None) -> str:
        """What ./manage.py printed. Raises when it failed."""
        done = subprocess.run(
            [str(ROOT / "manage.py"), *words], env=self.env, input=given, capture_output=True, text=True, cwd=ROOT, check=False
        )
        assert done.returncode == 0, f"manage.py {' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def send(self, letters: bytes, service: str = "qmail-send") -> None:
        """svc: b"a" to qmail-send retries everything."""
        fd = os.open(self.home / "service" / service / "supervise/control", os.O_WRONLY | os.O_NONBLOCK)
        os.write(fd, letters)
        os.close(fd)

    def messages(self, domain: str, mailbox: str) -> list[bytes]:
        """Everything in a mailbox's inbox, as it lies there."""
        maildir = self.home / "domains" / domain / mailbox / "Maildir"
        return [p.read_bytes() for sub in ("new", "cur") for p in sorted((maildir / sub).glob("*")) if p.is_file()]
