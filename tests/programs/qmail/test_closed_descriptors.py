"""Programs whose descriptors 0, 1 or 2 are closed, or lead to a full disk: they end with an exit code of theirs, say no trace, queue
nothing that was never said, and write into no file of theirs by mistake."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support import queue_program
from tests.support.call import command
from tests.support.local_home import maildir

LINES = {b"SENDER": b"a@x", b"NEWSENDER": b"a@x", b"DTLINE": b"D: x\n", b"RPLINE": b"R: x\n", b"UFLINE": b"From x\n", b"USER": b"joe"}
# name: (arguments, exit codes: of a closed 0, a closed 1, a closed 2, a full disk on 1)
PROGRAMS: dict[str, tuple[list[str], tuple[int, int, int, int]]] = {
    "bouncesaying": (["no"], (100, 100, 100, 100)),
    "condredirect": (["bo@x", "true"], (111, 99, 99, 99)),
    "config-fast": (["h.example"], (0, 0, 0, 0)),
    "except": (["true"], (100, 100, 100, 100)),
    "forward": (["bo@x"], (111, 0, 0, 0)),
    "maildir2mbox": ([], (0, 0, 0, 0)),
    "maildirmake": (["{0}/new"], (0, 0, 0, 0)),
    "predate": (["true"], (111, 0, 0, 0)),
    "preline": (["true"], (111, 0, 0, 0)),
    "qbiff": ([], (0, 0, 0, 0)),
    "qmail-inject": (["bo@x"], (111, 0, 0, 0)),
    "qmail-newbrt": ([], (111, 111, 111, 111)),
    "qmail-pw2u": (["-H"], (111, 111, 0, 111)),
    "qmail-qmqpc": ([], (54, 91, 54, 54)),  # it reads from 1, and what is closed there is an envelope that never came
    "qmail-qmqpd": ([], (0, 0, 0, 0)),
    "qmail-qmtpd": ([], (0, 0, 0, 0)),
    "qreceipt": (["joe@x"], (111, 0, 0, 0)),
    "sendmail": (["-t"], (111, 0, 0, 0)),
    "splogger": ([], (0, 0, 0, 0)),
    "tcp-env": (["-R", "true"], (111, 111, 111, 111)),
}
INPUT = {
    "qmail-pw2u": b"alias:x:5:5::/:\n",
    "qmail-qmqpd": b"18:5:To: x,1:a,3:joe,,",
    "qmail-qmtpd": b"6:\nTo: x,1:a,6:3:joe,,",
}
MESSAGE = b"To: bo@x\nNotice-Requested-Upon-Delivery-To: joe@x\n\nbody\n"


class Home:
    def __init__(self, path: Path) -> None:
        for name in ("control", "users", "bin"):
            (path / name).mkdir()
        (path / "control/me").write_text("h.example\n")
        (path / "control/rcpthosts").write_text("h.example\n")
        (path / "control/qmqpservers").write_text("no address\n")
        maildir(path / "Maildir")
        self.path = path
        self.queue = queue_program.make(path / "kept")
        here = os.fsencode(path)
        places = {b"MAILDIR": here + b"/Maildir", b"MAIL": here + b"/box", b"MAILTMP": here + b"/tmp"}
        self.env = {b"QMAIL_HOME": here, b"QMAILQUEUE": self.queue.path, b"PATH": b"/usr/bin:/bin", **LINES, **places}

    def run(self, name: str, redirection: str) -> subprocess.CompletedProcess[bytes]:
        argv, _ = PROGRAMS[name]
        words = [*command(name, os.fsencode(self.path)), *(word.format(self.path) for word in argv)]
        (self.path / "input").write_bytes(INPUT.get(name, MESSAGE))
        with (self.path / "input").open("rb") as source:
            shell = ["/bin/sh", "-c", f'exec "$@" {redirection}', "sh", *words]
            return subprocess.run(shell, env=self.env, stdin=source, capture_output=True, check=False, timeout=60)

    def controls(self) -> dict[str, bytes]:
        return {p.name: p.read_bytes() for p in sorted((self.path / "control").iterdir())}


@pytest.mark.parametrize(("redirection", "column"), [("<&-", 0), (">&-", 1), ("2>&-", 2), (">/dev/full", 3)], ids=["0", "1", "2", "full"])
@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_it_ends_as_it_says(tmp_path: Path, name: str, redirection: str, column: int) -> None:
    home = Home(tmp_path)
    before = home.controls()
    done = home.run(name, redirection)
    assert done.returncode == PROGRAMS[name][1][column], done.stderr
    assert b"Traceback" not in done.stderr and b"Error" not in done.stderr
    if name != "config-fast":
        assert home.controls() == before
    if redirection == "<&-":
        assert home.queue.queued() == [], "a message nobody has given is not queued"
    assert (tmp_path / "input").read_bytes() == INPUT.get(name, MESSAGE)


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_with_nothing_open_at_all(tmp_path: Path, name: str) -> None:
    home = Home(tmp_path)
    done = home.run(name, "<&- >&- 2>&-")
    assert done.returncode in (0, 54, 91, 99, 100, 111) and home.queue.queued() == []
