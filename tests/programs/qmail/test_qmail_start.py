"""qmail-start: the four programs wired together, with their own rights where there is root to give them away."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta.formats import users_assign
from tests.support.process import Process, eventually
from tests.support.qmail_home import QmailHome


@pytest.fixture
def home(tmp_path: Path) -> QmailHome:
    """A home whose mail all goes to one user, who is not root."""
    home = QmailHome(tmp_path / "q")
    maildir = home.path / "joe" / "Maildir"
    for sub in ("new", "cur", "tmp"):
        (maildir / sub).mkdir(parents=True)
    uid = os.getuid() or 65534
    for path in (home.path / "joe", maildir, *maildir.iterdir()):
        os.chown(path, uid, -1)
    user = users_assign.User(b"joe", uid, os.getgid() or 65534, os.fsencode(home.path / "joe"), b"-", b"")
    text = users_assign.write([users_assign.Assignment(True, b"", user)])
    (home.path / "users/assign").write_bytes(text)
    (home.path / "users/cdb").write_bytes(users_assign.compile_(text))
    (home.path / "joe/.qmail-default").write_text("./Maildir/\n")
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)  # the user must be able to come in
    return home


@pytest.fixture
def start(home: QmailHome) -> Iterator[Process]:
    process = Process(home.path, "qmail-start", "./Maildir/")
    process.wait_said("status: local 0/10")
    yield process
    process.kill()


def test_a_message_goes_through_all_of_them(home: QmailHome, start: Process) -> None:
    home.enqueue(b"Subject: x\n\nbody\n", b"ada@far.example", b"whoever@host.example.org")
    new = home.path / "joe/Maildir/new"
    eventually(lambda: len(list(new.iterdir())) == 1, start.said())
    assert next(new.iterdir()).read_bytes() == (
        b"Return-Path: <ada@far.example>\nDelivered-To: whoever@host.example.org\nSubject: x\n\nbody\n"
    )
    eventually(lambda: home.files() == [], "something was left in the queue")


def test_term_ends_all_of_them(home: QmailHome, start: Process) -> None:
    children = Path(f"/proc/{start.pid}/task/{start.pid}/children").read_text().split()
    assert len(children) >= 3
    assert start.end() == 0
    assert start.said().endswith("status: exiting\n")
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), "a helper was left behind")
