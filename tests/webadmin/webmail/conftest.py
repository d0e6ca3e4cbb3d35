"""A mailbox on disk, the webmail's settings, and Cy, who has logged in to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from mta.formats.login_call import Login
from tests.support import queue_program
from tests.support.queue_program import QueueProgram
from webadmin.webmail import door, index

PLAIN = (
    b"From: Ada <ada@example.org>\nTo: cy@example.org\nSubject: Hello\nDate: Sat, 3 Jan 2026 01:05:34 +0000\nMessage-ID: <1@x>\n\nDear Cy\n"
)


class Box:
    """A mailbox: what lies in it, and ways to put messages there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.maildir = path / "Maildir"
        self._count = 0
        self.make("")

    def make(self, folder: str) -> None:
        for part in ("cur", "new", "tmp"):
            (self.maildir / folder / part).mkdir(parents=True, exist_ok=True)

    def put(self, data: bytes = PLAIN, *, folder: str = "", flags: str = "", is_new: bool = False, time_s: int = 1_767_400_000) -> str:
        """-> the key of the message"""
        self._count += 1
        self.make(folder)
        name = f"{time_s + self._count}.M{self._count}P1.host,S={len(data)}"
        (self.maildir / folder / ("new" if is_new else "cur") / (name if is_new else f"{name}:2,{flags}")).write_bytes(data)
        return index.key(name.encode())

    def names(self, folder: str = "", part: str = "cur") -> list[str]:
        path = self.maildir / folder / part
        return sorted(p.name for p in path.iterdir()) if path.exists() else []

    def messages(self, folder: str = "") -> list[bytes]:
        path = self.maildir / folder / "cur"
        return [p.read_bytes() for p in sorted(path.iterdir())] if path.exists() else []

    def flags(self, folder: str = "") -> list[str]:
        return [name.partition(":2,")[2] for name in self.names(folder)]


@pytest.fixture(autouse=True)
def role(settings: Any, tmp_path: Path) -> None:
    """As appliance.settings has it for APPLIANCE_ROLE=webmail (test_settings.py compares)."""
    settings.ROOT_URLCONF = "appliance.urls_webmail"
    settings.QMAIL_HOME = tmp_path / "home"
    settings.QMAIL_HOME.mkdir()
    settings.STATIC_ROOT = tmp_path
    settings.SESSION_COOKIE_PATH = settings.CSRF_COOKIE_PATH = "/mail/"
    settings.MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
    settings.CSRF_FAILURE_VIEW = "webadmin.webmail.problem_views.csrf_failure"
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 8 << 20
    settings.FILE_UPLOAD_HANDLERS = [
        "webadmin.webmail.upload.Cap",
        "django.core.files.uploadhandler.MemoryFileUploadHandler",
        "django.core.files.uploadhandler.TemporaryFileUploadHandler",
    ]


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """Cy's."""
    return Box(tmp_path / "cy")


@pytest.fixture
def passwords(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Name to password; the login broker's place is taken."""
    known = {"cy@example.org": "secret", "dee@example.org": "other"}

    def check(name: str, password: str, ip: str) -> Login:
        if known.get(name) != password:
            raise door.Refused("This address and password do not match.", is_temporary=False)
        return Login(name.encode(), os.fsencode(tmp_path / name.partition("@")[0]), b"", 0, 0, 0)

    monkeypatch.setattr(door, "check_password", check)
    yield known


@pytest.fixture
def enter(passwords: dict[str, str], db: None) -> Callable[[str], Client]:
    """Somebody's browser, logged in."""

    def enter_(name: str) -> Client:
        client = Client()
        answer = client.post("/mail/login", {"name": name, "password": passwords[name]})
        assert answer.status_code == 302
        return client

    return enter_


@pytest.fixture
def cy(enter: Callable[[str], Client], box: Box) -> Client:
    return enter("cy@example.org")


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> QueueProgram:
    """What is sent is kept here."""
    program = queue_program.make(tmp_path / "queue")
    monkeypatch.setenv("QMAILQUEUE", os.fsdecode(program.path))
    return program


@pytest.fixture
def refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """The queue refuses with that exit code."""

    def refuse_(code: int) -> None:
        program = queue_program.make(tmp_path / f"queue-{code}", exit_=code)
        monkeypatch.setenv("QMAILQUEUE", os.fsdecode(program.path))

    return refuse_
