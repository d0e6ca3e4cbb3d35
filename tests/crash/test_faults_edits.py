"""R15: random edits of the configuration under load, the installer killed all the time: what is in force is always one generation, on disk
and in every session, and an edit that was answered is in force.

Each edit puts its number into several files; whoever reads two different numbers has met half a configuration."""

from __future__ import annotations

import os
import random
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from deploy import services
from mta.errors import Temporary
from mta.formats import install_call, manifest
from mta.formats.install_call import Put
from mta.unix.ask import ask
from mta.unix.controls import ControlDir, Unreadable
from mta.unix.generations import Generations
from tests.crash import faults_plane
from tests.crash.conftest import Table
from tests.crash.faults import Told, World, enter
from tests.crash.faults_plane import DOMAIN, SERVICES, Plane
from tests.support.smtp_client import Dialog

EDITS = 500
FILES = (b"smtpgreeting", b"badmailfrom", b"badhelo")
_GREETING = re.compile(rb"220 mx(\d+)\.example ")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(faults_plane.why_not() is not None, reason=str(faults_plane.why_not()))]


class EditedPlane(Plane):
    """With the installer."""

    @property
    def table(self) -> list[services.Service]:
        return [s for s in services.table(self.environment) if s.name in (*SERVICES, "installer")]


def texts(number: int) -> dict[bytes, bytes]:
    """The files that bear the number."""
    return {
        b"smtpgreeting": b"mx%d.example ESMTP\n" % number,
        b"badmailfrom": b"@stamp%d.example\n" % number,
        b"badhelo": b"stamp%d.example\n" % number,
    }


class Editor:
    """Edits, kills, and looks."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._chance = random.Random(seed)
        self._home = bytes(world.plane.home)
        self.answered = self.kills = self.sessions = self.reads = 0
        self.mixed: list[str] = []
        self._stop = threading.Event()

    # -- edits ---------------------------------------------------------------------------------------------------------------------

    def edit(self, number: int) -> bool:
        """True: it is in force, says the installer."""
        steps: list[Put] = [Put(b"control/" + name, text) for name, text in texts(number).items()]
        self._chance.shuffle(steps)
        steps.append(Put(b"control/databytes", b"%d\n" % self._chance.randrange(10**7, 10**8)))
        try:
            answer = ask(self._home + b"/run/installer", install_call.install(b"ada", b"edit %d" % number, steps), 20)  # type: ignore[arg-type]
        except Temporary:
            return False
        return answer[0] == b"K"

    def storm(self, edits: int, kill_share: float) -> None:
        readers = [threading.Thread(target=work, daemon=True) for work in (self._read_disk, self._read_sessions)]
        for reader in readers:
            reader.start()
        in_force = {0}
        for number in range(1, edits + 1):
            killer = None
            if self._chance.random() < kill_share:
                killer = threading.Timer(self._chance.random() * 0.05, self._kill)
                killer.start()
            is_answered = self.edit(number)
            if killer is not None:
                killer.join()
            self._world.until(lambda: self._world.plane.answers("installer"), "the installer does not come back")
            self.answered += is_answered
            in_force = {number} if is_answered else {*in_force, number}
            found = self._on_disk()
            if found not in in_force:
                self.mixed.append(f"{found} is in force after edit {number}")
        self._stop.set()
        for reader in readers:
            reader.join()

    def _kill(self) -> None:
        """One of the installer's processes: root's, a caller's, or the one that checks."""
        pids = self._world.plane.processes("installer")
        if pids:
            try:
                os.kill(self._chance.choice(pids), signal.SIGKILL)
                self.kills += 1
            except ProcessLookupError:
                pass

    # -- readers -------------------------------------------------------------------------------------------------------------------

    def _on_disk(self) -> int | None:
        """The number that all files bear; None: they do not agree, which is noted."""
        folder = ControlDir(self._home)
        found = {name: folder.raw(name.decode()) for name in FILES}
        folder.close()
        number = int(re.sub(rb"\D", b"", found[b"smtpgreeting"] or b"0") or b"0")
        if number and found != texts(number):
            self.mixed.append(f"on disk: {found}")
            return None
        return number

    def _read_disk(self) -> None:
        while not self._stop.is_set():
            try:
                self._on_disk()
            except Unreadable as error:
                self.mixed.append(f"on disk: {error}")
            self.reads += 1
            self._stop.wait(0.002)

    def _read_sessions(self) -> None:
        """Is the sender who is unwelcome in this session the one of its greeting?"""
        while not self._stop.is_set():
            try:
                with Dialog(self._world.plane.smtp_port, greeted=False) as dialog:
                    match = _GREETING.match(dialog.reply())
                    dialog.say("EHLO reader.example")
                    if match:
                        dialog.say(f"MAIL FROM:<x@stamp{match[1].decode()}.example>")
                        reply = dialog.say(f"RCPT TO:<joe@{DOMAIN}>")
                        if not reply.startswith("553"):
                            self.mixed.append(f"a session of {match[1]!r} says {reply!r}")
                        self.sessions += 1
            except OSError:
                continue
            self._stop.wait(0.01)

    def check(self) -> None:
        generations = Generations(self._home)
        number = generations.current()
        assert manifest.read(generations.manifest(number)).number == number
        assert not self.mixed, f"{len(self.mixed)} times: {self.mixed[:3]}"
        assert self.answered and self.reads and self.sessions


@contextmanager
def edited(broken: str = "") -> Iterator[World]:
    with faults_plane.folder() as path, World(path, kind=EditedPlane, broken=broken) as world:
        yield world


def suffer(world: World, edits: int, kill_share: float, seed: int = 15) -> tuple[Told, Editor]:
    editor = Editor(world, seed)
    told = world.suffer(lambda: editor.storm(edits, kill_share), lambda: None, lasts_s=0.1, may_restart=("installer",))
    return told, editor


def test_r15_edits_while_the_installer_is_killed() -> None:
    with edited() as world:
        told, editor = suffer(world, 15, 0.4)
        assert told.is_good, str(told)
        editor.check()


@pytest.mark.crash
def test_r15_full(table: Table) -> None:
    with edited() as world:
        told, editor = suffer(world, EDITS, 0.3)
        what = (
            f"{EDITS} edits under load, the installer killed {editor.kills} times; {editor.answered} answered; read {editor.reads} times "
            f"on disk and in {editor.sessions} sessions: {len(editor.mixed)} mixed"
        )
        enter(table, "R15", what, told)
        assert told.is_good, str(told)
        editor.check()


@pytest.mark.crash
def test_r15_files_put_in_place_one_after_the_other_are_caught(table: Table) -> None:
    with edited("files of a configuration one after the other") as world:
        _, editor = suffer(world, 30, 0)
    table.self_test(
        "R15", "an installer that puts files in place one after the other", f"{len(editor.mixed)} mixed" if editor.mixed else ""
    )
    assert editor.mixed
