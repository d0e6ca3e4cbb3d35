"""Ourselves, as an instance installed as root: every process with its own user, full durability."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from bench.measure import answers, wait_until
from deploy import environment, hier, prepare
from mta.formats import users_assign, vpasswd
from mta.unix import accounts

DOMAIN, REMOTE = "example.org", ".far.example"


class Tawny:
    name = "Tawny"

    def __init__(self, folder: Path, port: int, hashed: str = "x", *, mailboxes: int = 0, sink_port: int = 0) -> None:
        """hashed: joe's password; mailboxes: so many more, u0, u1 ...; sink_port: where mail for REMOTE goes."""
        self.home = folder / "tawny"
        self.port = port
        self.log = self.home / "log"
        self._mailboxes = mailboxes
        self._sink_port = sink_port
        self._hashed = hashed.encode()  # joe's password, as crypt(3) has it
        self.maildir = self.home / "domains" / DOMAIN / "joe" / "Maildir"
        self._processes: list[subprocess.Popen[bytes]] = []

    def prepare(self) -> None:
        subprocess.run([environment.CHECKOUT / "deploy/users"], check=True)
        e = environment.read({"QMAIL_HOME": str(self.home)}, is_root=True)
        hier.make(self.home, hier.TABLE, is_single=False)
        control = self.home / "control"
        control.mkdir()
        for name, text in {**prepare.first_controls("bench.example.org"), "virtualdomains": f"{DOMAIN}:{DOMAIN}"}.items():
            (control / name).write_text(text + "\n")
        (control / "rcpthosts").write_text(f"bench.example.org\n{DOMAIN}\n{REMOTE}\n")
        (control / "smtproutes").write_text(f"{REMOTE}:127.0.0.1:{self._sink_port}\n")
        (control / "concurrencylocal").write_text("120\n")
        (control / "concurrencyremote").write_text("120\n")
        (control / "maxrcpt").write_text("100000\n")
        prepare.programs(e)
        self._domain()

    def start(self) -> None:
        self.prepare()
        self.receive()
        self.deliver()
        wait_until(lambda: answers(f"unix:{self.home}/run/qmail-send/orders"))

    def receive(self) -> None:
        """Start what takes mail in."""
        self.run("queue-writer")
        self.run("vmaild")
        self.run("smtpd", "--listen", f"127.0.0.1:{self.port}", "--workers", str(os.cpu_count()))
        for path in ("run/queue-writer", "run/vmaild"):
            wait_until(lambda p=path: answers(f"unix:{self.home}/{p}"))
        wait_until(lambda: answers(f"tcp:127.0.0.1:{self.port} 220"))

    def deliver(self) -> subprocess.Popen[bytes]:
        """Start what delivers it -> qmail-send."""
        return self.run("qmail-start", "./Maildir/")

    def run(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        """A program of bin/, until stop()."""
        env = {"PATH": f"{self.home}/bin:/usr/bin:/bin"}
        with self.log.open("ab") as log:
            self._processes.append(subprocess.Popen([self.home / "bin" / name, *words], stdout=log, stderr=log, env=env))
        return self._processes[-1]

    def _domain(self) -> None:
        owner = accounts.lookup(accounts.VPOPMAIL)
        folder = self.home / "domains" / DOMAIN
        names = ["joe", *(f"u{i}" for i in range(self._mailboxes))]
        for name in names:
            for sub in ("new", "cur", "tmp"):
                (folder / name / "Maildir" / sub).mkdir(parents=True)
        text = vpasswd.write(
            [vpasswd.Account(name.encode(), self._hashed, 1, 0, b"", os.fsencode(folder / name), b"NOQUOTA") for name in names]
        )
        (folder / "vpasswd").write_bytes(text)
        (folder / "vpasswd.cdb").write_bytes(vpasswd.compile_(text))
        (folder / ".qmail-default").write_text(f"|{self.home}/bin/vdelivermail '' bounce-no-mailbox\n")
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner.uid, owner.gid)
        user = users_assign.User(DOMAIN.encode(), owner.uid, owner.gid, os.fsencode(folder), b"-", b"")
        assign = users_assign.write([users_assign.Assignment(True, DOMAIN.encode() + b"-", user)])
        (self.home / "users").mkdir()
        (self.home / "users/assign").write_bytes(assign)
        (self.home / "users/cdb").write_bytes(users_assign.compile_(assign))

    def stop(self) -> None:
        for process in reversed(self._processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._processes:
            process.wait(60)
        shutil.rmtree(self.home, ignore_errors=True)
