"""A power cut of the file systems below a mail system at work, and what is to be found afterwards.

    with Town(folder, "ext4", is_apart=True) as town:
        town.cut(seed)               # load, cut, everybody dies, the logs are replayed, all is delivered
        found = town.audit()         # everything that was ever acknowledged there
Recipe    a loader notes each acknowledgement on another file system; at a random moment all images are shut down without flushing their
          logs; every process is killed; unmount, mount, check, start; wait for the empty queue
Layouts   queue and Maildirs on one image, or each on its own: a delivery must last before the queue forgets the message
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from tests.crash import ledger
from tests.crash.faults_disk import Disk, Disks
from tests.crash.faults_plane import DOMAIN, DRAIN_S, MAILBOXES, Plane, Stuck
from tests.crash.ledger import BOUNCE, Audit, Copy, Ledger, Letter
from tests.crash.load import Loader
from tests.support.smtp_sink import Received, SmtpSink

JOE, SUE, FRIEND, GONE = (a.encode() for a in (f"joe@{DOMAIN}", f"sue@{DOMAIN}", "friend@far.example", f"sure-loss@{DOMAIN}"))
FAR = f"to-far@{DOMAIN}".encode()
SIZES = (300, 700, 2000, 9000, 70_000)


def letter_of(number: int) -> Letter:
    """A mixture: mostly one local mailbox; several; an alias that forwards; far away; a failure; all of it at once."""
    size = SIZES[number % 5 if number % 7 == 0 else number % 3]
    mailbox = f"{MAILBOXES[number % len(MAILBOXES)]}@{DOMAIN}".encode()
    recipients = {
        3: (JOE, SUE),
        5: (FAR,),
        7: (FRIEND,),
        8: (GONE,),
        9: (JOE, FAR, GONE),
    }.get(number % 10, (mailbox,))
    places = {FAR: FRIEND, GONE: BOUNCE + GONE}
    return Letter(number, b"ann@" + DOMAIN.encode(), recipients, tuple((places.get(r, r),) for r in recipients), size)


def taken(messages: Sequence[Received]) -> list[Copy]:
    """What a server far away has taken."""
    found = []
    for number, message in enumerate(list(messages)):
        data = message.data.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
        for recipient in message.recipients:
            found += ledger.copies(data, recipient.strip(b"<>"), b"%d" % number)
    return found


def work_off(plane: Plane, drain_s: float) -> None:
    """Until nothing is queued. Raises Stuck once the queue has not become shorter for drain_s: a machine may be slow."""
    before: int | None = None
    while True:
        try:
            return plane.drain(drain_s)
        except Stuck:
            left = len(plane.waiting())
            if before is not None and left >= before:
                raise
            before = left


class Town:
    """folder: for mounts, and for images unless another one is named. kind: of the file systems. is_apart: queue and Maildirs on images of
    their own."""

    def __init__(
        self, folder: Path, kind: str, *, is_apart: bool, broken: str = "", size_mb: int = 400, images: Path | None = None
    ) -> None:
        self._folder = folder
        self._images = images or folder
        self._kind = kind
        self._is_apart = is_apart
        self._size_mb = size_mb
        self._broken = broken
        self.sink = SmtpSink()
        self._next = 1
        self.cuts = 0

    def __enter__(self) -> Town:
        self.disks = Disks(self._images)
        self._notes = ledger.folder()
        self.ledger = Ledger(self._notes / "ledger")
        self.sink.__enter__()
        try:
            self._prepare()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _prepare(self) -> None:
        home = self._folder / "q"
        home.mkdir(exist_ok=True)
        self.plane = Plane(home, routes={"far.example": self.sink.port}, broken=self._broken)
        if self._is_apart:
            self._make("queue", home / "queue")
            self._make("domains", home / "domains")
        else:
            # one image, seen at both places
            whole = self._make("both", self._folder / "both")
            for name in ("queue", "domains"):
                (whole.where / name).mkdir()
                (home / name).symlink_to(whole.where / name)
        self.plane.prepare()
        self.plane.rules(b':allow,RELAYCLIENT=""\n')
        os.sync()
        self.plane.start()

    def _make(self, name: str, where: Path) -> Disk:
        return self.disks.make(name, self._kind, where, self._size_mb)

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if hasattr(self, "plane"):
                self.plane.__exit__(None, None, None)
        finally:
            self.disks.__exit__(None, None, None)
            self.sink.__exit__(None, None, None)
            self.ledger.close()
            shutil.rmtree(self._notes, ignore_errors=True)

    def load(self, sessions: int, delay_s: float = 0) -> Loader:
        return Loader(self.plane.smtp_port, self.ledger, letter_of, sessions=sessions, first=self._next, delay_s=delay_s)

    def cut(self, chance: random.Random, drain_s: float = DRAIN_S) -> None:
        """One power cut under load, and the recovery from it."""
        self.cuts += 1
        with self.load(sessions=chance.choice((1, 3, 8))) as loader:
            wanted = chance.choice((1, 5, 20, 60, 150))
            self.wait_for(lambda: loader.acknowledged >= wanted)
            time.sleep(chance.random() * 0.05)
            self.cut_now()
        self._next += loader.tried
        assert not loader.refused, loader.refused[:3]
        self.recover(drain_s)

    def cut_now(self) -> None:
        for disk in self.disks.all:
            disk.shut_down()
        self.plane.kill()

    @staticmethod
    def wait_for(is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not is_so():
            assert time.monotonic() < deadline, "the load does not get through"
            time.sleep(0.001)

    def recover(self, drain_s: float) -> None:
        for disk in self.disks.all:
            disk.after_power_cut()
        self.plane.start()
        work_off(self.plane, drain_s)

    def audit(self) -> Audit:
        return ledger.audit(self.ledger.acknowledged(), [*self.plane.copies(), *taken(self.sink.messages)], letter_of)
