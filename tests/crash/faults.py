"""A mail system at work that something happens to: what it says meanwhile, how soon it goes on afterwards, and what became of the mail.

    with World(folder, mounts={"queue": ("ext4", 16)}) as world:
        told = world.suffer(begin, end, lasts_s=1.0)
        assert told.is_good, told
Meanwhile   mail comes in from several sides, a mixture as in power.letter_of; and once in a while a probe, whose replies are timed
Good        every probe has a reply, 2xx or 4xx, and soon (SLOW_S); afterwards one is accepted and delivered within AGAIN_S; nobody had
            to be started again; nothing acknowledged is lost, nothing bounced that was not to be, no message is empty or cut off
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from tests.crash import ledger
from tests.crash.conftest import Table
from tests.crash.faults_disk import Disk, Disks
from tests.crash.faults_plane import DOMAIN, Plane
from tests.crash.ledger import Audit, Ledger, Letter, LetterOf
from tests.crash.load import Loader
from tests.crash.power import letter_of, taken
from tests.support.smtp_client import Dialog
from tests.support.smtp_sink import SmtpSink

SLOW_S, AGAIN_S = 5.0, 5.0
PROBES = 1_000_000  # numbers from here on are probes'
JOE = f"joe@{DOMAIN}".encode()


def probe_of(number: int) -> Letter:
    return Letter(number, f"ann@{DOMAIN}".encode(), (JOE,), ((JOE,),))


@dataclass(frozen=True)
class Probe:
    number: int
    code: str  # of the reply that decided, "" when none came
    took_s: float


@dataclass
class Told:
    meanwhile: list[Probe]
    accepted_after_s: float
    delivered_after_s: float
    audit: Audit
    restarted: list[str]
    told: list[str] = field(default_factory=list)  # what else is wrong
    again_s: float = AGAIN_S  # how long it may take to go on
    slow_s: float = SLOW_S  # how long a probe may take

    @property
    def codes(self) -> Counter[str]:
        return Counter(probe.code for probe in self.meanwhile)

    @property
    def worst_s(self) -> float:
        return max((probe.took_s for probe in self.meanwhile), default=0.0)

    @property
    def is_good(self) -> bool:
        answered = all(probe.code[:1] in ("2", "4") for probe in self.meanwhile)
        soon = self.worst_s < self.slow_s and self.accepted_after_s < self.again_s and self.delivered_after_s < self.again_s
        return answered and soon and self.audit.is_good and not self.restarted and not self.told and bool(self.meanwhile)

    def __str__(self) -> str:
        replies = ", ".join(f"{count} times {code or 'no reply'}" for code, count in sorted(self.codes.items()))
        after = f"accepting again after {self.accepted_after_s:.2f} s, delivering after {self.delivered_after_s:.2f} s"
        also = f"; started again: {self.restarted}" if self.restarted else ""
        return f"{replies}, the slowest after {self.worst_s:.2f} s; {after}{also}{'; '.join(['', *self.told])}; {self.audit}"


class World:
    """mounts: folder of the instance -> (kind of file system, MB[, mkfs options]). prepare: called before the start. zone: TZ of all that
    runs there. letters: what is sent under a number. kind: of plane. delay_s: between
    two messages of a session of the load."""

    def __init__(
        self,
        folder: Path,
        *,
        mounts: Mapping[str, tuple[str, int] | tuple[str, int, str]] | None = None,
        prepare: Callable[[Plane], None] | None = None,
        dnscacheip: str = "",
        routes: bool = True,
        sessions: int = 3,
        broken: str = "",
        zone: str = "",
        letters: LetterOf = letter_of,
        sink_ip: str = "127.0.0.1",
        kind: type[Plane] = Plane,
        delay_s: float = 0.0,
    ) -> None:
        self._folder = folder
        self._mounts = dict(mounts or {})
        self._prepare = prepare
        self._dnscacheip = dnscacheip
        self._has_routes = routes
        self._sessions = sessions
        self._broken = broken
        self._zone = zone
        self._letters = letters
        self._kind = kind
        self._delay_s = delay_s
        self.sink = SmtpSink(ip=sink_ip)
        self._next = 1
        self._next_probe = PROBES
        self._gone: set[int] = set()
        self.disks: dict[str, Disk] = {}

    def letter(self, number: int) -> Letter:
        return probe_of(number) if number >= PROBES else self._letters(number)

    def __enter__(self) -> World:
        self._all = Disks(self._folder)
        self._notes = ledger.folder()
        self.ledger = Ledger(self._notes / "ledger")
        self.sink.__enter__()
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _start(self) -> None:
        home = self._folder / "q"
        home.mkdir()
        routes = {"far.example": self.sink.port} if self._has_routes else {}
        self.plane = self._kind(home, routes=routes, dnscacheip=self._dnscacheip, broken=self._broken)
        for name, (kind, size_mb, *options) in self._mounts.items():
            words = [word for option in options for word in str(option).split()]
            self.disks[name] = self._all.make(name.replace("/", "-"), kind, home / name, size_mb, *words)
        if self._zone:
            self.plane.variables["TZ"] = self._zone
        self.plane.prepare()
        self.plane.rules(b':allow,RELAYCLIENT=""\n')
        if self._prepare is not None:
            self._prepare(self.plane)
        os.sync()  # an instance is older than its first minute
        self.plane.start()

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if hasattr(self, "plane"):
                self.plane.__exit__(None, None, None)
        finally:
            self._all.__exit__(None, None, None)
            self.sink.__exit__()
            self.ledger.close()
            shutil.rmtree(self._notes, ignore_errors=True)

    # -- one fault -----------------------------------------------------------------------------------------------------------------

    def suffer(
        self,
        begin: Callable[[], object],
        end: Callable[[], object],
        *,
        lasts_s: float = 0.5,
        may_restart: tuple[str, ...] = (),
        again_s: float = AGAIN_S,
        slow_s: float = SLOW_S,
    ) -> Told:
        """begin(), let it last, end(). may_restart: services that are expected to be started again."""
        before = self._pids()
        meanwhile: list[Probe] = []
        loader = Loader(self.plane.smtp_port, self.ledger, self.letter, sessions=self._sessions, first=self._next, delay_s=self._delay_s)
        loader.__enter__()
        try:
            self.until(lambda: loader.acknowledged >= 5, "the load does not get through", 30)
            begin()
            try:
                deadline = time.monotonic() + lasts_s
                while time.monotonic() < deadline or not meanwhile:
                    meanwhile.append(self.probe(max(20.0, slow_s)))
                    time.sleep(0.02)
            finally:
                end()
            accepted, delivered = self._again()
        finally:
            loader.stop()
            self._next += loader.tried
        restarted = sorted(name for name, pid in self._pids().items() if pid != before[name] and name not in may_restart)
        told = [f"refused for good: {loader.refused[0]}"] if loader.refused else []
        self.plane.drain()
        found = self.audit()
        told += [f"twice in a Maildir: {place!r}" for place in found.duplicates if place.endswith(JOE[3:]) and b":" not in place]
        return Told(meanwhile, accepted, delivered, found, restarted, told + self._broken_files(), again_s, slow_s)

    def _pids(self) -> dict[str, int]:
        return {service.name: self.plane.pid(service.name) for service in self.plane.table}

    def probe(self, timeout_s: float = 20.0) -> Probe:
        """One message to joe."""
        number, self._next_probe = self._next_probe, self._next_probe + 1
        return self._send(number, timeout_s)

    def send(self, count: int) -> None:
        """So many of the mixture, one after the other, each of which is taken."""
        for number in range(self._next, self._next + count):
            sent = self._send(number, 20.0)
            assert sent.code == "250", sent
        self._next += count

    def deliver(self) -> None:
        """A probe comes through, soon. Whoever waits for a date looks at the clock on the way."""
        sent = self.probe()
        assert sent.code == "250", sent
        self.until(lambda: self._has_come(sent.number), "no mail is delivered", AGAIN_S)

    def _send(self, number: int, timeout_s: float) -> Probe:
        begun = time.monotonic()
        code = ""
        try:
            with Dialog(self.plane.smtp_port, greeted=False) as dialog:
                dialog.sock.settimeout(timeout_s)
                code = self._converse(dialog, self.letter(number))
        except OSError:
            code = ""
        if code == "250":
            self.ledger.note(number)
        return Probe(number, code, time.monotonic() - begun)

    @staticmethod
    def _converse(dialog: Dialog, one: Letter) -> str:
        """The code that decided; "" when the connection was closed."""
        reply = dialog.reply()[:3].decode()
        if reply != "220":
            return reply
        commands = [
            "EHLO probe.example",
            f"MAIL FROM:<{one.sender.decode()}>",
            *(f"RCPT TO:<{r.decode()}>" for r in one.recipients),
            "DATA",
        ]
        for command in commands:
            reply = dialog.say(command)[:3]
            if reply[:1] not in ("2", "3"):
                return reply
        dialog.send(one.text().replace(b"\n.", b"\n..").replace(b"\n", b"\r\n") + b".\r\n")
        return dialog.reply()[:3].decode()

    def _again(self) -> tuple[float, float]:
        """-> after how many seconds a message was accepted, and one was delivered."""
        ended = time.monotonic()
        while (probe := self.probe()).code != "250":
            if time.monotonic() - ended > 4 * AGAIN_S:
                raise AssertionError(f"no mail is taken any more: {probe}: {self.plane.logs()}")
            time.sleep(0.02)
        accepted = time.monotonic() - ended
        self.until(lambda: self._has_come(probe.number), "no mail is delivered any more", 4 * AGAIN_S)
        return accepted, time.monotonic() - ended

    def _has_come(self, number: int) -> bool:
        head = f"X-Number: {number} ".encode()
        for file in (self.plane.maildir("joe") / "new").iterdir():
            try:
                with file.open("rb") as stream:
                    if head in stream.read(2000):
                        return True
            except FileNotFoundError:
                continue
        return False

    def until(self, is_so: Callable[[], bool], what: str, patience_s: float = 30) -> None:
        deadline = time.monotonic() + patience_s
        while not is_so():
            assert time.monotonic() < deadline, f"{what}: {self.plane.logs()}"
            time.sleep(0.01)

    # -- afterwards ----------------------------------------------------------------------------------------------------------------

    def audit(self) -> Audit:
        return ledger.audit(self.ledger.acknowledged() - self._gone, [*self.plane.copies(), *taken(self.sink.messages)], self.letter)

    def forget(self) -> None:
        """What was acknowledged so far was looked at, and deleted by its owner."""
        self._gone = self.ledger.acknowledged()

    def _broken_files(self) -> list[str]:
        empty = [str(file) for file in (self.plane.home / "domains").glob("*/*/Maildir/new/*") if not file.stat().st_size]
        return [f"empty messages: {empty}"] if empty else []


def enter(table: Table, test: str, what: str, told: Told | Audit, *, of: str = "") -> None:
    """A row of the results."""
    found = told if isinstance(told, Audit) else told.audit
    counts = {"acknowledged": found.acknowledged, "lost": len(found.lost), "corrupted": len(found.corrupted), "foreign": len(found.foreign)}
    if isinstance(told, Told):
        counts |= {f"replies_{code or 'none'}": number for code, number in told.codes.items()}
        counts |= {"slowest_ms": int(told.worst_s * 1000), "delivering_after_ms": int(told.delivered_after_s * 1000)}
    table.row(test, what, str(told), counts=counts, of=of)


def in_background(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def free_space(path: Path) -> int:
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize
