"""Our queue writer in front of the original qmail-send, and the original qmail-queue in front of ours, on the original's own home.

Needs root, the users of deploy/users, and ORIGINAL_QMAIL: the home of an installed original whose queue is empty and not in use.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta.formats import queue_call
from tests.differential import swap
from tests.differential.swap import Site
from tests.support.process import eventually, running

HOME = Path(os.environ.get("ORIGINAL_QMAIL", "/nonexistent"))
pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not (HOME / "bin/qmail-send").exists(), reason="ORIGINAL_QMAIL does not name an installed original qmail"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to run each part as its own user"),
]
COUNT = 200


class Original:
    """The home, its alias user taking all local mail."""

    def __init__(self) -> None:
        self.maildir = HOME / "alias/Maildir"
        shutil.rmtree(self.maildir, ignore_errors=True)
        for sub in ("", "new", "cur", "tmp"):
            (self.maildir / sub).mkdir()
            shutil.chown(self.maildir / sub, "alias")
        (HOME / "alias/.qmail-default").write_text("./Maildir/\n")
        (HOME / "control/me").write_text("host.example.org\n")
        (HOME / "run").mkdir(exist_ok=True)
        alias = pwd.getpwnam("alias")
        (HOME / "users/assign").write_text(f"+:alias:{alias.pw_uid}:{alias.pw_gid}:{HOME}/alias:-::\n.\n")
        subprocess.run([HOME / "bin/qmail-newu"], check=True)

    def delivered(self) -> int:
        return len(list((self.maildir / "new").iterdir()))

    def queue_files(self) -> list[str]:
        return sorted(str(p) for p in (HOME / "queue").rglob("*") if p.is_file() and p.parent.name != "lock")


@pytest.fixture
def original() -> Iterator[Original]:
    with swap.alone():
        yield Original()
        (HOME / "users/assign").write_text(".\n")
        subprocess.run([HOME / "bin/qmail-newu"], check=True)


def test_x01_the_original_delivers_what_our_writer_queued(original: Original, tmp_path: Path) -> None:
    log = tmp_path / "send.log"
    with running(HOME, "queue-writer"), log.open("wb") as out:
        env = {"PATH": f"{HOME}/bin:/usr/bin:/bin"}
        with subprocess.Popen([HOME / "bin/qmail-start", "./Mailbox"], env=env, cwd=HOME, stdout=out) as send:
            try:
                _queue(COUNT)
                eventually(lambda: original.delivered() == COUNT, "not everything was delivered")
                eventually(lambda: original.queue_files() == [], "something was left in the queue")
            finally:
                send.send_signal(signal.SIGTERM)
    assert b"warning" not in log.read_bytes() and b"alert" not in log.read_bytes()


def _queue(count: int) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(HOME / queue_call.SOCKET.decode()))
        for i in range(1, count + 1):
            message = queue_call.frame(i, queue_call.MESSAGE, b"Subject: %d\n\nbody\n" % i)
            sock.sendall(message + queue_call.frame(i, queue_call.ENVELOPE, b"Fa@host.example.org\0Tu%d@host.example.org\0\0" % i))
        buffer, exits = b"", []
        while len(exits) < count:
            buffer += sock.recv(65536)
            frames, used = queue_call.read_frames(buffer)
            buffer = buffer[used:]
            exits += [queue_call.read_result(payload)[0] for _, _, payload in frames]
    assert set(exits) == {0}


def test_x02_ours_delivers_what_the_original_queued(tmp_path: Path) -> None:
    """Our qmail-send under the original qmail-start, in a copy of the home. Its log is of the grammar qmail-send's has."""
    if not swap.is_possible():
        pytest.skip("we may not mount")
    site = Site(tmp_path, frozenset(["qmail-send"]))
    histories, delivered, _ = swap.mail(site, "qmail-queue")
    assert b"from mta import runner" in (site.path / "bin/qmail-send").read_bytes()
    assert delivered.total() == COUNT and site.left() == []
    assert not any(history[0] == "?" for history in histories)
