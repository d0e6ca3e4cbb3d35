"""The whole appliance at work, whose databases, web and Celery something happens to: mail goes on; a change is made whole, or not at all.

    with Office() as office:                       # SQLite; Office(database=Server(folder)) for PostgreSQL
        office.suffer("celery", begin, end, 30)    # load, POP3, and a mailbox added meanwhile
        assert office.trouble() == []
Change    a mailbox is added by ./manage.py vadduser while it lasts. Afterwards it is on disk whole (its line in vpasswd, vpasswd.cdb, its
          Maildir) or not at all; there when the command said so; in the database as on disk, or drift says that it is not, and adopts it
"""

from __future__ import annotations

import os
import poplib
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from mta.formats import cdb, supervise_status, vpasswd
from tests.conftest import ROOT
from tests.crash import ledger
from tests.crash.faults import World
from tests.crash.ledger import Audit, Ledger, Letter
from tests.crash.load import Loader
from tests.support import unprivileged
from tests.support.appliance import Appliance
from tests.support.postgresql import _tool
from tests.support.process import free_port
from tests.support.smtp_client import Dialog

DOMAIN, PASSWORD = "example.org", "through-thick-and-thin-7"
PEOPLE = ("joe", "sue")
WEB = ("webadmin", "webmail", "web-front", "celery-worker")
PROBES = 1_000_000
_LINE = re.compile(rb"^([^:]+):", re.MULTILINE)


def letter_of(number: int) -> Letter:
    wanted = PEOPLE if number % 5 == 0 else (PEOPLE[number % 2],)
    addresses = tuple(f"{name}@{DOMAIN}".encode() for name in wanted)
    return Letter(number, b"x@far.example", addresses, tuple((address,) for address in addresses), (600, 3000, 40_000)[number % 3])


class Server:
    """A PostgreSQL that can be stopped in every way, and started again. Skips the test where there is none."""

    def __init__(self, folder: Path) -> None:
        self._data, self.port = folder / "data", free_port()
        initdb, self._control = _tool("initdb"), _tool("pg_ctl")
        self._how = {"check": True, "cwd": folder, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}, **unprivileged.become()}
        self._folder = folder
        words = [initdb, "-D", str(self._data), "-A", "trust", "-U", "tawny", "--no-sync"]
        subprocess.run(words, stdout=subprocess.DEVNULL, **self._how)  # type: ignore[call-overload]
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://tawny@127.0.0.1:{self.port}/postgres"

    @property
    def pid(self) -> int:
        return int((self._data / "postmaster.pid").read_text().split()[0])

    def start(self) -> None:
        options = f"-k {self._folder} -c listen_addresses=127.0.0.1 -p {self.port}"
        self._run("-w", "-t", "60", "-l", str(self._folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        self._run("-m", "immediate", "stop")

    def kill(self) -> None:
        """The server itself; its children follow."""
        pid = self.pid
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while Path(f"/proc/{pid}").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def _run(self, *words: str) -> None:
        subprocess.run([self._control, "-D", str(self._data), *words], stdout=subprocess.DEVNULL, **self._how)  # type: ignore[call-overload]


class Office:
    """database: instead of SQLite."""

    def __init__(self, database: Server | None = None) -> None:
        self.a = Appliance(extra={"DATABASE_URL": database.url} if database else None)
        self.database = database
        self.sent = self.fetched = 0
        self.answers: list[str] = []  # of probes, when they were not 250
        self.half: list[str] = []
        self.changes = {"made": 0, "refused": 0}
        self._probe, self._first = PROBES, 1

    def __enter__(self) -> Office:
        self._notes = ledger.folder()
        self.ledger = Ledger(self._notes / "ledger")
        self.a.__enter__()
        try:
            self.a.manage("vadddomain", DOMAIN, PASSWORD)
            for name in PEOPLE:
                self.a.manage("vadduser", f"{name}@{DOMAIN}", PASSWORD)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.a.__exit__(kind, value, trace)
        self.ledger.close()

    # -- what happens --------------------------------------------------------------------------------------------------------------

    def suffer(self, name: str, begin: Callable[[], object], end: Callable[[], object], lasts_s: float) -> None:
        """name: of the mailbox that is added meanwhile."""
        with Loader(self.a.ports["SMTP"], self.ledger, letter_of, sessions=3, first=self._first, delay_s=0.02) as loader:
            begin()
            try:
                code = self.add(name)
                deadline = time.monotonic() + lasts_s
                while time.monotonic() < deadline:
                    self.look()
            finally:
                end()
        self._first += loader.tried
        self.sent += loader.acknowledged
        self.answers += [f"refused for good: {reply!r}" for _, reply in loader.refused]
        self.until(self.is_served, "the web never comes back")
        self._settle(name, code)

    def look(self) -> None:
        """A message comes in, and mail can be fetched."""
        self._probe += 1
        try:
            with Dialog(self.a.ports["SMTP"], greeted=False) as dialog:
                code = World._converse(dialog, letter_of(self._probe))
        except OSError:
            code = "no reply"
        if code == "250":
            self.ledger.note(self._probe)
        else:
            self.answers.append(code)
        client = poplib.POP3("127.0.0.1", self.a.ports["POP3"], timeout=20)
        client.user(f"joe@{DOMAIN}")
        client.pass_(PASSWORD)
        assert client.stat()[0] >= 0
        client.quit()
        self.fetched += 1
        time.sleep(0.05)

    def services(self, letters: bytes, *names: str) -> None:
        for name in names:
            self.a.send(letters, name)
        if letters in (b"d", b"u"):
            self.until(lambda: all(bool(self.pid(name)) is (letters == b"u") for name in names), f"{names} do not do {letters!r}")

    def pid(self, service: str) -> int:
        return supervise_status.read((self.a.home / "service" / service / "supervise/status").read_bytes()).pid

    def is_served(self) -> bool:
        try:
            self.a.manage("drift", "--adopt", "nothing.example")
        except AssertionError as error:
            return "Nothing differs in" in str(error)
        return True

    def until(self, is_so: Callable[[], bool], what: str, patience_s: float = 60) -> None:
        deadline = time.monotonic() + patience_s
        while not is_so():
            assert time.monotonic() < deadline, f"{what}: {self.a.logs()}"
            time.sleep(0.1)

    # -- changes -------------------------------------------------------------------------------------------------------------------

    def add(self, name: str, patience_s: float = 120, kill_after_s: float = 0) -> int:
        """-> exit code; negative: it was killed."""
        words = [str(ROOT / "manage.py"), "vadduser", f"{name}@{DOMAIN}", PASSWORD]
        process = subprocess.Popen(words, env=self.a.env, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return process.wait(kill_after_s or patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def parts(self, name: str) -> dict[str, bool]:
        """Which parts of a mailbox are on disk?"""
        folder = self.a.home / "domains" / DOMAIN
        there = cdb.reader((folder / "vpasswd.cdb").read_bytes()).get(name.encode()) is not None
        lines = [one.name for one in vpasswd.read((folder / "vpasswd").read_bytes())]
        return {"vpasswd": name.encode() in lines, "vpasswd.cdb": there, "Maildir": (folder / name / "Maildir/new").is_dir()}

    def _settle(self, name: str, code: int) -> None:
        self.until(lambda: not code or self.is_served(), "no more commands")
        found = self.parts(name)
        is_there = all(found.values())
        self.changes["made" if is_there else "refused"] += 1
        if is_there != (found["vpasswd"] or found["vpasswd.cdb"]):
            self.half.append(f"{name}: {found}")
        if code == 0 and not is_there:
            self.half.append(f"{name} was promised: {found}")
        done = subprocess.run([str(ROOT / "manage.py"), "drift"], env=self.a.env, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            self.a.manage("drift", "--adopt", DOMAIN)
            done = subprocess.run([str(ROOT / "manage.py"), "drift"], env=self.a.env, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            self.half.append(f"{name}: database and files differ: {done.stdout}{done.stderr}"[:500])

    # -- afterwards ----------------------------------------------------------------------------------------------------------------

    def audit(self) -> Audit:
        """Once the queue is empty."""
        queue = self.a.home / "queue"

        def is_empty() -> bool:
            self.a.send(b"a")
            return not [*(queue / "todo").iterdir(), *(queue / "info").glob("*/*")]

        self.until(is_empty, "messages stay in the queue")
        found = [
            c for name in PEOPLE for c in ledger.maildir(self.a.home / "domains" / DOMAIN / name / "Maildir", f"{name}@{DOMAIN}".encode())
        ]
        return ledger.audit(self.ledger.acknowledged(), found, letter_of)

    def trouble(self) -> list[str]:
        found = self.audit()
        lost = [] if found.is_good and not found.duplicates else [str(found)]
        return [*(f"mail was answered {answer}" for answer in self.answers[:5]), *self.half, *lost]

    def __str__(self) -> str:
        done = f"{self.changes['made']} changes made, {self.changes['refused']} refused, {len(self.half)} half"
        return f"{self.fetched} POP3 sessions; {len(self.answers)} messages not taken; {done}; {self.audit()}"
