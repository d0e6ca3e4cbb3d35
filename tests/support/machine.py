"""A machine that runs qmail: an instance as deploy/prepare makes it, without the web, and users with homes, all below one folder.

    with Machine(folder, "mail.example.org") as m:
        joe = m.user("joe")                  # folder/home/joe; in users/assign, for a test cannot make accounts
        m.start("queue-writer", "qmail-send")
        m.inject("To: joe@mail.example.org\\n\\nhi\\n")
        m.mail(joe / "Maildir")

As root every process has its own user, and users' mail belongs to nobody; without root everything is one user.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path
from types import TracebackType

from deploy import environment, prepare, probe, services
from mta.unix import accounts
from tests.support import unprivileged
from tests.support.process import PATIENCE_S, eventually

_TAI64N = re.compile(r"(?m)^@[0-9a-f]{24} ")


def why_not() -> str | None:
    """Why it cannot be started here, or None."""
    if os.geteuid() == 0 and accounts.missing():
        return "as root the users of the mail system are needed: run deploy/users"
    return None


class Machine:
    def __init__(self, folder: Path, me: str, name: str = "qmail", *, dnscacheip: str = "127.0.0.1:9", **ports: int) -> None:
        """folder: one that all users may enter. name: of the instance below it. dnscacheip: none unless a test has one."""
        self.folder, self.me = folder, me
        self.home = folder / name
        told = {"QMAIL_HOME": str(self.home), "APPLIANCE_ME": me, "DNSCACHEIP": dnscacheip}
        self.e = environment.read(told | {f"{key.upper()}_PORT": str(port) for key, port in ports.items()})
        prepare.mail(self.e)
        self.env = {"PATH": f"{self.home}/bin:/usr/bin:/bin", "USER": "joe"}
        self._assign: list[str] = []
        self._svscan: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.power_off()

    # -- what is there before it runs ------------------------------------------------------------------------------------------------

    def control(self, **files: str) -> None:
        """ "" is an empty file."""
        for name, text in files.items():
            (self.home / "control" / name).write_text(text + "\n" if text else "")

    def user(self, name: str) -> Path:
        """-> the home, with a Maildir. Mail for NAME and NAME-anything is theirs."""
        home = self.folder / "home" / name
        home.mkdir(parents=True)
        for sub in ("Maildir", "Maildir/tmp", "Maildir/new", "Maildir/cur"):
            (home / sub).mkdir(mode=0o700)
        unprivileged.give(home)
        who = f"{name}:{unprivileged.UID}:{unprivileged.GID}:{home}"
        self._assign += [f"={name}:{who}:::", f"+{name}-:{who}:-::"]
        (self.home / "users/assign").write_text("".join(f"{line}\n" for line in (*self._assign, ".")))
        self.run("qmail-newu")
        return home

    def dot(self, home: Path, name: str, text: str) -> None:
        """A dot-qmail file, of the home's owner."""
        path = home / name
        path.write_text(text)
        st = home.stat()
        os.chown(path, st.st_uid, st.st_gid)

    # -- what runs -------------------------------------------------------------------------------------------------------------------

    def start(self, *names: str, later: tuple[str, ...] = ()) -> None:
        """Supervise services of deploy/services, until they answer; those of later wait for up()."""
        prepare.supervised(self.e, self._rows(*names, *later))
        for name in later:
            (self.home / "service" / name / "down").touch()
        self.boot()
        self._until_up(*names)

    def up(self, *names: str) -> None:
        self.run("svc", "-u", *(str(self.home / "service" / name) for name in names))
        self._until_up(*names)

    def _until_up(self, *names: str) -> None:
        for row in self._rows(*names):
            eventually(lambda row=row: probe.answers(row), f"{row.name}: {self.log(row.name)}")  # type: ignore[misc]

    def _rows(self, *names: str) -> tuple[services.Service, ...]:
        return tuple(row for row in services.table(self.e) if row.name in names)

    def boot(self) -> None:
        """svscan, with whatever is in service/."""
        words = [self.home / "bin/svscan", self.home / "service"]
        env = {"PATH": "/usr/bin:/bin", "DNSCACHEIP": self.e.dnscacheip}
        self._svscan = subprocess.Popen(words, env=env, start_new_session=True)

    def power_off(self) -> None:
        """All at once, whatever it is doing."""
        if self._svscan is not None:
            os.killpg(self._svscan.pid, signal.SIGKILL)
            self._svscan.wait(PATIENCE_S)
            self._svscan = None

    def run(self, name: str, *words: str, given: str = "", env: dict[str, str] | None = None) -> str:
        """bin/NAME -> what it said. Fails the test when it fails."""
        done = subprocess.run(
            [self.home / "bin" / name, *words], env=self.env | (env or {}), input=given, capture_output=True, text=True, timeout=PATIENCE_S
        )
        assert done.returncode == 0, f"{name}: {done.returncode} {done.stderr}"
        return done.stdout

    def svstat(self, service: str) -> str:
        return self.run("svstat", str(self.home / "service" / service))

    def log(self, service: str = "qmail-send") -> str:
        """Without the times."""
        path = self.home / "service" / service / "log/main/current"
        return _TAI64N.sub("", path.read_text("latin-1")) if path.exists() else ""

    def logged(self, text: str, service: str = "qmail-send") -> str:
        """Wait until the log matches the regular expression -> its last group, or all of it."""
        eventually(lambda: re.search(text, self.log(service), re.M) is not None, f"{text}\n{self.log(service)}")
        found = re.search(text, self.log(service), re.M)
        assert found is not None
        return found[found.lastindex or 0]

    # -- mail ------------------------------------------------------------------------------------------------------------------------

    def inject(self, message: str, *words: str, user: str = "joe") -> None:
        self.run("qmail-inject", *words, given=message, env={"USER": user})

    def queued(self, folder: str) -> dict[int, bytes]:
        """What lies in queue/FOLDER, by message number."""
        top = self.home / "queue" / folder
        return {int(path.name): path.read_bytes() for path in sorted(top.rglob("*")) if path.is_file()}

    def is_idle(self) -> bool:
        folders = ("todo", "mess", "info", "local", "remote", "bounce")
        return not any(path.is_file() for folder in folders for path in (self.home / "queue" / folder).rglob("*"))

    def until_idle(self) -> None:
        eventually(self.is_idle, f"something stays in the queue: {self.log()}")

    def mail(self, maildir: Path, count: int = 1) -> list[bytes]:
        """The messages in it, once there are so many."""
        eventually(lambda: len(list((maildir / "new").iterdir())) >= count, f"nothing came to {maildir}: {self.log()}")
        return [path.read_bytes() for path in sorted((maildir / "new").iterdir())]
