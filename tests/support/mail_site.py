"""An instance with virtual mailboxes, as vadddomain and vadduser leave them, and its servers as real processes without root's rights."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from mta.formats import users_assign, vpasswd
from mta.formats.users_assign import Assignment, User
from mta.unix import crypt
from tests.conftest import ROOT
from tests.support import unprivileged
from tests.support.call import command

PASSWORD = b"s p\xc3\xa4t"


@cache
def hashed(password: bytes) -> bytes:
    return crypt.make(password, b"0123456789abcdef")


@dataclass
class Server:
    process: subprocess.Popen[bytes]
    log: list[bytes] = field(default_factory=list)
    more: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, text: bytes, timeout_s: float = 20) -> bytes:
        """The first log line that holds the text; fails when none comes."""

        def find() -> bytes | None:
            return next((line for line in self.log if text in line), None)

        with self.more:
            assert self.more.wait_for(lambda: find() is not None, timeout_s), (text, self.log)
        found = find()
        assert found is not None
        return found

    def read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self.more:
                self.log.append(line)
                self.more.notify_all()


class Site:
    """home: a folder the unprivileged user can reach. Everything below it is that user's, unless said otherwise."""

    def __init__(self, home: Path) -> None:
        self.home = home
        for name in ("control", "users", "alias", "queue", "run", "domains"):
            (home / name).mkdir()
        self.control(me="mail.example.org")
        self.assignments: list[Assignment] = []
        self.accounts: dict[str, list[vpasswd.Account]] = {}
        unprivileged.give(home)

    @property
    def home_bytes(self) -> bytes:
        return os.fsencode(self.home)

    def control(self, **files: str) -> None:
        for name, text in files.items():
            (self.home / "control" / name).write_text(text + "\n")

    def domain(self, name: str, real: str | None = None, uid: int = unprivileged.UID) -> None:
        """real: the domain it is an alias of."""
        directory = self.home / "domains" / (real or name)
        directory.mkdir(exist_ok=True)
        directory.chmod(0o700)
        user = User((real or name).encode(), uid, uid, os.fsencode(directory), b"-", b"")
        self.assignments.append(Assignment(True, name.encode() + b"-", user))
        (self.home / "users/cdb").write_bytes(users_assign.compile_(users_assign.write(self.assignments)))
        if real is None:
            self.accounts[name] = []
        unprivileged.give(directory, uid=uid)

    def mailbox(
        self, address: str, crypt_: bytes | None = None, *, flags: int = 0, quota: bytes = b"NOQUOTA", has_maildir: bool = True
    ) -> Path:
        """-> its directory."""
        user, _, domain = address.partition("@")
        directory = self.home / "domains" / domain / user
        account = vpasswd.Account(
            user.encode(), hashed(PASSWORD) if crypt_ is None else crypt_, 1, flags, b"", os.fsencode(directory), quota
        )
        self.accounts[domain].append(account)
        cdb = directory.parent / "vpasswd.cdb"
        cdb.write_bytes(vpasswd.compile_(vpasswd.write(self.accounts[domain])))
        if has_maildir:
            for name in ("new", "cur", "tmp"):
                (directory / "Maildir" / name).mkdir(parents=True)
        uid = directory.parent.stat().st_uid
        unprivileged.give(cdb, directory, uid=uid) if has_maildir else unprivileged.give(cdb, uid=uid)
        return directory

    def put(self, directory: Path, path: str, text: bytes, mtime_s: int = 1_000_000) -> None:
        file = directory / "Maildir" / path
        file.write_bytes(text)
        os.utime(file, (mtime_s, mtime_s))
        unprivileged.give(file, uid=directory.stat().st_uid)

    @contextmanager
    def running(self, name: str, *arguments: str, as_root: bool = False, has_libraries: bool = True) -> Iterator[Server]:
        """A server of the board, from its first line that says "status" until the block ends. has_libraries: not the bare interpreter."""
        process = subprocess.Popen(
            [*([sys.executable, "-m", "mta", name] if has_libraries else command(name, self.home_bytes)), *arguments],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", "QMAIL_HOME": str(self.home), "PYTHONDONTWRITEBYTECODE": "1"},
            stderr=subprocess.PIPE,
            **({} if as_root else unprivileged.become()),  # type: ignore[call-overload]
        )
        server = Server(process)
        reader = threading.Thread(target=server.read, daemon=True)
        reader.start()
        try:
            server.wait_for(b": status: ")
            yield server
        finally:
            process.terminate()
            process.wait()
            reader.join(timeout=20)
            assert not reader.is_alive(), "a session that still runs keeps the server's descriptor 2 open"
            assert process.stderr is not None
            process.stderr.close()
