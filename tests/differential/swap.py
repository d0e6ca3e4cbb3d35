"""A whole mail system in a copy of the original's home: its programs, or ours, or most of one kind and one of the other.

The originals know their home by the path they were compiled with. So a site is a copy, and its processes run in a mount namespace in which
the copy lies at that path, and in which alias, and a user joe, are at home below it. Nothing outside of the copy is touched.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.differential import swap_inject
from tests.support import bin_dir
from tests.support.original import original as debian
from tests.support.process import PATIENCE_S, eventually
from tests.support.smtp_sink import SmtpSink

HOME = Path(os.environ.get("ORIGINAL_QMAIL", "/nonexistent"))
COUNT = 200
JOE = 54321
ENTER = 'mount --bind "$1" "$2" && mount --bind "$3" /etc/passwd && shift 3 && exec "$@"'

Histories = Counter[tuple[object, ...]]


def is_possible() -> bool:
    """Is there an original, and may we mount?"""
    if not (HOME / "bin/qmail-send").exists() or os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


NEEDS = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(not is_possible(), reason="ORIGINAL_QMAIL does not name an installed original, or we may not mount"),
]


@contextmanager
def alone() -> Iterator[None]:
    """For one test at a time: the original's own home, and the port of QMQP."""
    with (HOME / "run-by-tests").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Site:
    """ours: the names of the programs in bin/ that are ours; the others are the originals."""

    def __init__(self, folder: Path, ours: frozenset[str]) -> None:
        self.path, self.ours = folder / "home", ours
        shutil.rmtree(self.path, ignore_errors=True)
        subprocess.run(["cp", "-a", "--", HOME, self.path], check=True)
        self.path.chmod(0o755)
        self._passwd = folder / "passwd"
        self.log = folder / "log"
        self.log.unlink(missing_ok=True)
        (self.path / "run/qmail-send").mkdir(parents=True, exist_ok=True)
        shutil.chown(self.path / "run/qmail-send", "qmails", "qmail")
        for name in ours:
            self.put(name, is_ours=True)
        self._users()

    def put(self, name: str, *, is_ours: bool) -> None:
        """A program into bin/. Ours is told the path the site will have."""
        file = self.path / "bin" / name
        file.unlink(missing_ok=True)
        if is_ours:
            bin_dir.install(self.path, name)
            file.write_text(file.read_text().replace(repr(os.fsencode(self.path)), repr(os.fsencode(HOME))))
        else:
            subprocess.run(["cp", "-a", "--", HOME / "bin" / name, file], check=True)

    def _users(self) -> None:
        others = [entry for entry in pwd.getpwall() if entry.pw_name not in ("alias", "joe")]
        alias = pwd.getpwnam("alias")
        lines = [f"alias:x:{alias.pw_uid}:{alias.pw_gid}::{HOME}/alias:/bin/sh", f"joe:x:{JOE}:{JOE}::{HOME}/joe:/bin/sh"]
        lines += [f"{e.pw_name}:x:{e.pw_uid}:{e.pw_gid}::{e.pw_dir}:{e.pw_shell}" for e in others]
        self._passwd.write_text("\n".join(lines) + "\n")
        for user, uid, gid, dots in (
            ("alias", alias.pw_uid, alias.pw_gid, {"a": "./Maildir/\n", "bo": "./Maildir/\n"}),
            (
                "joe",
                JOE,
                JOE,
                {
                    "list": f"&bo@{swap_inject.HOST}\n",
                    "prog": f"|{HOME}/bin/forward bo@{swap_inject.HOST}\n",
                    "fail": "|echo not here; exit 100\n",
                    "virt-default": "./Maildir/\n",
                },
            ),
        ):
            home = self.path / user
            shutil.rmtree(home, ignore_errors=True)
            for name in ("", "Maildir", "Maildir/new", "Maildir/tmp", "Maildir/cur"):
                (home / name).mkdir()
            for name, text in dots.items():
                (home / f".qmail-{name}").write_text(text)
            for path in (home, *home.rglob("*")):
                os.chown(path, uid, gid)
        self.control(me=swap_inject.HOST, virtualdomains="virt.test:joe-virt", rcpthosts=swap_inject.HOST, concurrencylocal="20")
        self.control(morercpthosts="virt.test", locals=swap_inject.HOST)
        (self.path / "users/assign").write_text(f"=bo:alias:{alias.pw_uid}:{alias.pw_gid}:{HOME}/alias:-:bo:\n.\n")

    def control(self, **files: str) -> None:
        for name, text in files.items():
            (self.path / "control" / name).write_text(text + "\n")

    # -- processes -------------------------------------------------------------------------------------------------------------------

    def words(self, *words: str | Path) -> list[str]:
        """The command line of a process that lives in the site."""
        return ["unshare", "-m", "sh", "-c", ENTER, "sh", *map(str, (self.path, HOME, self._passwd, *words))]

    def run(self, name: str, *argv: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(self.words(HOME / "bin" / name, *argv), capture_output=True, check=True, env=self.env, cwd="/")

    @property
    def env(self) -> dict[str, str]:
        return {"PATH": f"{HOME}/bin:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}

    @contextmanager
    def process(self, *words: str | Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
        """Until it is told to end, or was killed."""
        with log.open("ab") as out, subprocess.Popen(self.words(*words), env=self.env, cwd="/", stdout=out, stderr=out) as process:
            try:
                yield process
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(PATIENCE_S)

    @contextmanager
    def writer(self) -> Iterator[None]:
        """Our queue writer, which all of ours that queue go to unless bin/qmail-queue is the original."""
        log = self.path.parent / "writer"
        with self.process(sys.executable, "-c", _SERVER.format(root=str(ROOT), home=os.fsencode(HOME)), log=log):
            eventually((self.path / "run/queue-writer").exists, f"no queue writer: {log.read_text()}")
            yield

    @contextmanager
    def running(self) -> Iterator[None]:
        """From qmail-start to a clean end."""
        with self.killable():
            eventually(lambda: "status: " in self.log.read_text(), "qmail-send does not start")
            yield
        eventually(lambda: self.log.read_text().endswith("status: exiting\n"), "qmail-send does not end")

    def killable(self) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """qmail-start, which becomes qmail-send."""
        return self.process(HOME / "bin/qmail-start", "./Maildir/", log=self.log)

    def inject(self, through: str, count: int = COUNT, *recipients: str) -> None:
        """recipients: of all, instead of those of all kinds."""
        words = self.words(sys.executable, "-I", swap_inject.__file__, HOME, through, str(count), *recipients)
        subprocess.run(words, env=self.env, check=True, cwd="/", timeout=120)

    # -- what came of it -------------------------------------------------------------------------------------------------------------

    def left(self) -> list[str]:
        """Files of the queue."""
        return sorted(str(p.relative_to(self.path)) for p in (self.path / "queue").rglob("*") if p.is_file() and p.parent.name != "lock")

    def empty(self) -> None:
        """Wait until the queue is; as long as something goes on there, that may take its time."""
        while left := self.left():
            eventually(lambda left=left: self.left() != left, f"stays in the queue: {left}")

    def delivered(self) -> Counter[bytes]:
        return Counter(masked(path.read_bytes()) for user in ("alias", "joe") for path in (self.path / user / "Maildir/new").iterdir())

    def histories(self) -> Histories:
        return histories(self.log.read_text())


_SERVER = "import sys; sys.path.insert(0, {root!r}); from mta import runner; runner.run('queue-writer', {home!r})"


def masked(text: bytes) -> bytes:
    """Without process numbers and the time."""
    text = re.sub(rb"\(qmail \d+ invoked", b"(qmail N invoked", text)
    return re.sub(rb"(; |Date: )\d+ \w{3} \d{4} [\d:]{8} -0000", rb"\1NOW", text)


def histories(log: str) -> Histories:
    """What a log of qmail-send says of each message, without its numbers: as often as it says so. Of a message's deliveries the order is
    chance, and so are those of several messages. Sizes hold the digits of process numbers, and are left out."""
    found: Histories = Counter()
    message: dict[str, tuple[str, list[tuple[str, ...]]]] = {}
    delivery: dict[str, tuple[str, str]] = {}
    for line in log.splitlines():
        words = line.split(" ")
        match words[:2]:
            case ["new", "msg"]:
                message[words[2]] = ("", [])
            case ["info", "msg"]:
                message[words[2][:-1]] = (" ".join([*words[5:7], *words[9:]]), [])
            case ["starting", "delivery"]:
                delivery[words[2][:-1]] = (words[4], " ".join(words[6:]))
            case ["delivery", _]:
                number, to = delivery.pop(words[1][:-1])
                message[number][1].append((to, re.sub(r"qp_\d+", "qp_N", " ".join(words[2:]))))
            case ["bounce", "msg"]:
                message[words[2]][1].append(("bounce",))
            case ["end", "msg"]:
                info, events = message.pop(words[2])
                found[info, tuple(sorted(events))] += 1
            case ["status:", _]:
                pass
            case _:
                found["?", line] += 1
    assert not message and not delivery, "all that began has ended"
    return found


def refusing(line: bytes) -> bytes:
    return b"550 no such user\r\n" if b"<bad@" in line else b"250 ok\r\n"


def sent(sink: SmtpSink) -> Counter[bytes]:
    return Counter(masked(message.data.replace(b"\r\n", b"\n")) for message in sink.messages)


Outcome = tuple[Histories, Counter[bytes], Counter[bytes]]


def mail(site: Site, through: str, count: int = COUNT) -> Outcome:
    """COUNT messages through a program of the site, until the queue is empty -> what the log says, what came here, what went out."""
    with SmtpSink(replies={"RCPT": refusing}) as sink, ExitStack() as stack:
        site.control(smtproutes=f":127.0.0.1:{sink.port}")
        for name in ("qmail-newu", "qmail-newmrh"):
            site.run(name)
        stack.enter_context(site.writer())
        with site.running():
            if through == "qmail-qmqpc":
                site.control(qmqpservers="127.0.0.1")
                stack.enter_context(_qmqp_server(site))
            site.inject(through, count)
            site.empty()
        return site.histories(), site.delivered(), sent(sink)


@contextmanager
def _qmqp_server(site: Site) -> Iterator[None]:
    """On its port, the only one that the client knows: one at a time, whichever process a test runs in."""
    words = [debian("tcpserver"), "-1", "-RHl0", "127.0.0.1", "628", str(HOME / "bin/qmail-qmqpd")]
    log = site.path.parent / "qmqpd"
    with alone(), site.process(*words, log=log):
        eventually(lambda: log.read_text() == "628\n", "nobody listens on port 628")
        yield
