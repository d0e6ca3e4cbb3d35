"""The storm: an appliance at work, its processes killed one after the other and now and then all at once, and the audit of what is left.

Load      SMTP in; to mailboxes, to several at once, to aliases that forward here and elsewhere, to a server that cannot be relied on, to
          addresses that bounce; a mailbox that is fetched and emptied with POP3 all the time
Kills     SIGKILL to a process chosen at random, those that carry mail more often than those that watch them or serve the web
Counted   against the ledger (lost, corrupted, at a wrong place), and copies too many: in Maildirs reached directly none at all, for names
          come from the queued message; elsewhere as many as deliveries were under way when something was killed
"""

from __future__ import annotations

import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from deploy import prepare, services
from mta.unix import accounts
from tests.crash.faults_plane import BROKEN, DOMAIN, PASSWORD, SERVICES, Plane
from tests.crash.ledger import BOUNCE, Audit, Copy, Ledger, Letter, audit
from tests.crash.load import Loader
from tests.crash.storm_reader import Reader
from tests.crash.storm_sink import FlakySink

JOE, SUE, ANN, BOB = (f"{name}@{DOMAIN}".encode() for name in ("joe", "sue", "ann", "bob"))
FRIEND = b"friend@far.example"
SENDER = BOB  # to whom bounces come
ALIASES = {"fwd": "&sue@example.org", "list": "&joe@example.org\n&ann@example.org\n&friend@far.example"}
FORWARDING = {*ALIASES, "to-far"}
_RETRY_S = 2.0
_EVENT = re.compile(
    r"^@\w+ (?:starting delivery (\d+): msg (\d+) to (\w+) |delivery (\d+): (\w+):|new msg (\d+)|end msg (\d+))", re.MULTILINE
)


def far(address: bytes) -> tuple[bytes, bytes]:
    """Where a message for somebody far away may end."""
    return address, BOUNCE + address


def letter_of(number: int) -> Letter:
    """The mixture: what is sent under a number."""
    chance = random.Random(number)
    far_one, gone = b"f%d@far.example" % (number % 50), b"gone%d@far.example" % number
    sorts: list[tuple[int, tuple[bytes, ...], tuple[tuple[bytes, ...], ...]]] = [
        (30, (JOE,), ((JOE,),)),
        (20, (SUE,), ((SUE,),)),
        (15, (ANN,), ((ANN,),)),
        (8, (JOE, SUE, ANN), ((JOE,), (SUE,), (ANN,))),
        (8, (b"fwd@example.org",), ((SUE,),)),
        (2, (b"list@example.org",), ((JOE,), (ANN,), far(FRIEND))),
        (2, (b"to-far@example.org",), (far(FRIEND),)),
        (10, (far_one,), (far(far_one),)),
        (2, (JOE, far_one, gone), ((JOE,), far(far_one), (BOUNCE + gone,))),
        (2, (gone,), ((BOUNCE + gone,),)),
        (1, (b"sure-loss@example.org",), ((BOUNCE + b"sure-loss@example.org",),)),
    ]
    _, recipients, places = chance.choices(sorts, [sort[0] for sort in sorts])[0]
    size = chance.choices((600, 8_000, 120_000, 1_400_000), (900, 90, 9, 1))[0]
    return Letter(number, SENDER, recipients, places, size)


def is_forwarded(number: int) -> bool:
    """Does another message stand between this one and its places?"""
    return letter_of(number).recipients[0].partition(b"@")[0].decode() in FORWARDING


class StormPlane(Plane):
    """Everything but the web, with the aliases of the mixture, and a log that keeps the whole story of a storm."""

    def prepare(self) -> None:
        super().prepare()
        run = self.home / "service/qmail-send/log/run"
        run.write_text(run.read_text().replace("s1000000 n20", "s16000000 n100"))

    def _domain(self, owner: accounts.Account) -> None:
        super()._domain(owner)
        for name, text in ALIASES.items():
            path = self.home / "domains" / DOMAIN / f".qmail-{name}"
            path.write_text(text + "\n")
            path.chmod(0o600)
            os.chown(path, owner.uid, owner.gid)


BROKEN |= {
    # the two ways to lose what the storm is about: told too early, and delivered under another name each time
    "acknowledges early": (
        "if __file__.endswith('/queue-writer'):\n"
        "    import time\n"
        "    from mta.programs.servers.queue_writer.writer import Writer\n"
        "    commit, answer = Writer._commit, Writer._answer\n"
        "    def early(self):\n"
        "        for caller in answer(self, self._shop.done):\n"
        "            caller.write()\n"
        "        time.sleep(0.3)\n"
        "        commit(self)\n"
        "    Writer._commit = early\n"
        "    Writer._answer = lambda self, batch: set()\n"
    ),
    "another name each time": (
        "if __file__.endswith('/qmail-start'):\n"
        "    import os, time\n"
        "    from mta.formats import maildirname\n"
        "    from mta.programs.qmail.qmail_local.inprocess import Preparer\n"
        "    maildirname.recipient_number = lambda address, line: int.from_bytes(os.urandom(8), 'big')\n"
        "    commit = Preparer.commit\n"
        "    Preparer.commit = lambda self, works: (commit(self, works), time.sleep(0.3))\n"
    ),
}


class WholePlane(StormPlane):
    """With the web, its databases and its workers: everything `make run` starts. Ready when mail is; the rest may take its time."""

    _is_preparing = False

    @property
    def table(self) -> list[services.Service]:
        return services.table(self.environment) if self._is_preparing else super().table  # type: ignore[return-value]

    def prepare(self) -> None:
        self._is_preparing = True
        super().prepare()
        prepare._web(self.environment)
        self._is_preparing = False


# -- kills -------------------------------------------------------------------------------------------------------------------------

_ROLES = (
    "svscan",
    "supervise",
    "multilog",
    *SERVICES,
    "qmail-lspawn",
    "qmail-rspawn",
    "qmail-clean",
    "qmail-local",
    "installer",
    "web-front",
    "appliance.web",
    "appliance.worker",
)
_SELDOM = {
    "supervise": 0.02,
    "multilog": 0.1,
    "installer": 0.3,
    "web-front": 0.3,
    "appliance.web": 0.1,
    "appliance.worker": 0.1,
}  # 1 is usual


def role(pid: int) -> str | None:
    """What a process is, by its command line; None: it is gone."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return None
    names = {Path(word).name for word in words[:4]}
    return next((name for name in _ROLES if name in names or words[0] == name), "other")


@dataclass
class Kills:
    by_role: Counter[str] = field(default_factory=Counter)
    trees: int = 0

    @property
    def total(self) -> int:
        return self.by_role.total() + self.trees


class Killer:
    def __init__(self, plane: Plane, force: Force) -> None:
        self._plane = plane
        self._chance = random.Random(force.seed)
        self._force = force
        self.kills = Kills()

    def strike(self) -> None:
        if self._chance.random() < self._force.tree_share:
            self._plane.kill()
            self.kills.trees += 1
            self._plane.start()
            return
        found = [(pid, name) for pid in self._plane.pids() if (name := role(pid)) is not None and self._is_wanted(name)]
        if not found:
            return
        pid, name = self._chance.choices(found, [_SELDOM.get(name, 1.0) for _, name in found])[0]
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.kills.by_role[name] += 1

    def _is_wanted(self, name: str) -> bool:
        """svscan dies with the whole tree: who starts it again starts everything again."""
        return name in self._force.only if self._force.only else name != "svscan"


# -- the whole ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Force:
    """How strong a storm is. It lasts until both numbers are reached. tree_share: of the kills, how many take everything at once; only: the
    programs that are killed, when not all."""

    kills: int
    messages: int
    between_kills_s: float
    sessions: int = 4
    delay_s: float = 0.0
    tree_share: float = 0.02
    seed: int = 1
    only: tuple[str, ...] = ()
    settle_s: float = 60.0


@dataclass
class Outcome:
    audit: Audit
    kills: Kills
    seconds: float
    direct_duplicates: list[tuple[int, bytes]]
    other_duplicates: Counter[str]
    cut_off: Counter[str]
    came_back: int
    deferred: int
    refused: list[tuple[int, bytes]]
    pop_sessions: tuple[int, int]  # whole, broken

    @property
    def what(self) -> str:
        """For the table: what was done."""
        killed = ", ".join(f"{name} {count}" for name, count in sorted(self.kills.by_role.items()))
        load = f"{self.audit.acknowledged} messages taken, {self.pop_sessions[0]} POP3 sessions ended as they should"
        return f"{self.kills.total} kills, {self.kills.trees} of them of everything at once ({killed}); {load}"

    @property
    def result(self) -> str:
        """... and what came of it."""
        cut, other = self.cut_off, self.other_duplicates
        kinds = ", ".join(f"{other[kind]} {kind}" for kind in ("forwarded", "remote", "bounced"))
        direct = f"{len(self.direct_duplicates)} twice in a Maildir reached directly"
        may = f"with {cut['local']} local and {cut['remote']} remote deliveries cut off"
        return f"{self.audit.summary}; {direct}; twice elsewhere: {kinds}, deleted with POP3 and there again: {self.came_back}, {may}"

    @property
    def counts(self) -> dict[str, int]:
        return {
            **self.audit.counts,
            "kills": self.kills.total,
            "of everything at once": self.kills.trees,
            "twice in a Maildir reached directly": len(self.direct_duplicates),
            **{f"twice, {kind}": self.other_duplicates[kind] for kind in ("forwarded", "remote", "bounced")},
            "deleted and delivered again": self.came_back,
            "cut off, local": self.cut_off["local"],
            "cut off, remote": self.cut_off["remote"],
            "4xx and broken connections": self.deferred,
        }


def run(plane: Plane, force: Force, folder: Path) -> Outcome:
    """plane: prepared, not started. folder: for the ledger."""
    begun = time.monotonic()
    ledger = Ledger(folder / "ledger")
    killer = Killer(plane, force)
    with ExitStack() as stack:
        sink = stack.enter_context(FlakySink(force.seed))
        plane.control("smtproutes", f"far.example:127.0.0.1:{sink.port}")
        stack.callback(plane.kill)
        plane.start()
        with (
            Loader(plane.smtp_port, ledger, letter_of, sessions=force.sessions, delay_s=force.delay_s) as loader,
            Reader(plane.pop3_port, ANN.decode(), PASSWORD.decode()) as reader,
        ):
            _rage(plane, killer, loader, force)
        sink.is_calm = True
        plane.kill()
        plane.start()
        plane.drain(force.settle_s)
        plane.stop()
        seconds = time.monotonic() - begun
        found = [*plane.copies(), *sink.copies, *reader.copies]
    told = audit(ledger.acknowledged(), found, letter_of)
    ledger.close()
    direct, other = _duplicates(found)
    return Outcome(
        audit=told,
        kills=killer.kills,
        seconds=seconds,
        direct_duplicates=direct,
        other_duplicates=other,
        cut_off=cut_off(plane.log("qmail-send")),
        came_back=len(reader.came_back),
        deferred=loader.deferred,
        refused=loader.refused,
        pop_sessions=(reader.sessions, reader.broken),
    )


def _rage(plane: Plane, killer: Killer, loader: Loader, force: Force) -> None:
    chance = random.Random(-force.seed)
    retry_at = 0.0
    while killer.kills.total < force.kills or loader.acknowledged < force.messages:
        time.sleep(chance.random() * 2 * force.between_kills_s)
        if killer.kills.total < force.kills:
            killer.strike()
        if time.monotonic() > retry_at:
            retry_at = time.monotonic() + _RETRY_S
            try:
                plane.retry()
            except (AssertionError, OSError):  # its supervise was killed a moment ago
                continue


def cut_off(log: str) -> Counter[str]:
    """Deliveries, by channel, that may have done their work without qmail-send having it on disk when something was killed: it never heard
    of their end, whoever delivered died, or the end was heard and todo/N still there (its qmail-clean was dead)."""
    found: Counter[str] = Counter()
    running: dict[str, tuple[str, str]] = {}  # delivery: (message, channel)
    ended: dict[str, str] = {}  # message: channel of a success after which it still lay in the queue
    for started, messnum, channel, reported, how, new, end in _EVENT.findall(log):
        if started == "1":  # another life
            found.update(channel for _, channel in running.values())
            running.clear()
        if started:
            running[started] = messnum, channel
        elif reported and reported in running:
            messnum, channel = running.pop(reported)
            if how == "success":
                ended[messnum] = channel
            elif how == "deferral" and channel == "local":
                found["local"] += 1
        elif new and new in ended:
            found[ended.pop(new)] += 1
        elif end:
            ended.pop(end, None)
    found.update(channel for _, channel in running.values())
    return found


def _duplicates(found: list[Copy]) -> tuple[list[tuple[int, bytes]], Counter[str]]:
    """-> (number and place of each copy too many in a Maildir that no message stood before; how many elsewhere, by kind)"""
    direct: list[tuple[int, bytes]] = []
    other: Counter[str] = Counter()
    forwarded: Counter[tuple[int, bytes]] = Counter()
    for number, place in _repeated(found):
        if is_forwarded(number):
            forwarded[number, place] += 1
        elif place.startswith(BOUNCE):
            other["bounced"] += 1
        elif place.endswith(b"@far.example"):
            other["remote"] += 1
        else:
            direct.append((number, place))
    times: dict[int, int] = {}  # an alias that forwards to three forwards once
    for (number, _), count in forwarded.items():
        times[number] = max(count, times.get(number, 0))
    other["forwarded"] = sum(times.values())
    return direct, other


def _repeated(found: list[Copy]) -> Iterator[tuple[int, bytes]]:
    seen: set[tuple[int, bytes, bytes]] = set()
    places: set[tuple[int, bytes]] = set()
    for copy in found:
        if (copy.number, copy.place, copy.name) in seen:
            continue
        seen.add((copy.number, copy.place, copy.name))
        if (copy.number, copy.place) in places:
            yield copy.number, copy.place
        places.add((copy.number, copy.place))
