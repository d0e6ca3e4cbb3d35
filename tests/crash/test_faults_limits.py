"""R10: no descriptors, no processes, no memory for one part of the system: the others go on, nothing is lost, and who was killed for want
of memory is back within three seconds."""

from __future__ import annotations

import os
import poplib
import resource
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.crash import faults_inject, faults_plane, storm
from tests.crash.conftest import Table
from tests.crash.faults import Told, World, enter
from tests.crash.faults_plane import PASSWORD, SERVICES, Plane

BACK_S = 3.0
FEW = 256
EARLY = "acknowledges early"
assert EARLY in storm.BROKEN
_GROUPS = Path("/sys/fs/cgroup")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(faults_plane.why_not() is not None, reason=str(faults_plane.why_not()))]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """With less load than can be delivered: what was accepted while nobody could deliver is not to hold up what comes then."""
    with faults_plane.folder() as path, World(path, delay_s=0.05) as found:
        yield found


# -- descriptors -------------------------------------------------------------------------------------------------------------------


_OPENING = "openat,accept4,socket,pipe2,dup,epoll_create1"
DELIVERERS = ("qmail-send", "qmail-lspawn", "qmail-rspawn", "qmail-local", "qmail-clean")


def without_descriptors(world: World, names: tuple[str, ...], when: str, lasts_s: float) -> Told:
    """The kernel has none for them: each time ("1+"), or every second time ("1+2")."""
    reason = faults_inject.why_not()
    if reason:
        pytest.skip(reason)
    with ExitStack() as stack:
        pids = [pid for name in names for pid in world.plane.processes(name)]
        what = f"{_OPENING}:error=EMFILE:when={when}"
        return world.suffer(lambda: stack.enter_context(faults_inject.injecting(pids, what)), stack.close, lasts_s=lasts_s)


@pytest.mark.root
@pytest.mark.parametrize("names", [("queue-writer",), DELIVERERS], ids=["queue-writer", "deliverers"])
def test_r10_no_descriptors(world: World, names: tuple[str, ...]) -> None:
    told = without_descriptors(world, names, "1+", lasts_s=0.5)
    assert told.is_good, str(told)


@contextmanager
def crowded(broken: str = "") -> Iterator[World]:
    """Few descriptors for everybody, and one service has all its connections taken."""

    def few(plane: Plane) -> None:
        plane.limits = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, FEW))

    with faults_plane.folder() as path, World(path, prepare=few, broken=broken) as world:
        yield world


def crowd(world: World, count: int, lasts_s: float) -> Told:
    """Who holds all connections of submission keeps nobody from fetching mail, or the world from sending it."""
    with ExitStack() as stack:

        def come() -> None:
            for _ in range(count):
                stack.enter_context(socket.create_connection(("127.0.0.1", world.plane.ports["SUBMISSION"]), 5))
            assert can_fetch(world)

        told = world.suffer(come, stack.close, lasts_s=lasts_s)
    world.until(lambda: world.plane.answers("submission"), "submission does not answer any more", 5)
    return told


def test_r10_few_descriptors_and_a_crowd() -> None:
    with crowded() as world:
        told = crowd(world, 80, lasts_s=0.5)
    assert told.is_good and set(told.codes) == {"250"}, str(told)


def can_fetch(world: World) -> bool:
    client = poplib.POP3("127.0.0.1", world.plane.pop3_port, timeout=5)
    client.user("joe@example.org")
    client.pass_(PASSWORD.decode())
    count = client.stat()[0]
    client.quit()
    return count >= 0


# -- memory ------------------------------------------------------------------------------------------------------------------------


def biggest(pids: list[int]) -> int:
    def size(pid: int) -> int:
        try:
            return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except OSError:
            return 0

    return max(pids, key=size)


HELPERS = ("qmail-lspawn", "qmail-rspawn", "qmail-local", "qmail-clean")


def kill_biggest(world: World, turn: int) -> float:
    """Of all, as the kernel does, or in every second turn of one program's -> seconds until everything answers again."""
    names = (*SERVICES, *HELPERS)
    some = world.plane.processes(names[turn // 2 % len(names)]) if turn % 2 else []
    os.kill(biggest(some or [pid for pid in world.plane.pids() if pid != world.plane.svscan_pid]), signal.SIGKILL)
    begun = time.monotonic()
    time.sleep(0.05)  # its death is noticed
    world.until(lambda: all(world.plane.answers(name) for name in SERVICES), "somebody does not come back", 20)
    return time.monotonic() - begun


def storm(world: World, times: int) -> tuple[Told, float]:
    """-> what happened, how long it took at worst."""
    took: list[float] = []
    told = world.suffer(
        lambda: took.extend(kill_biggest(world, turn) for turn in range(times)),
        lambda: None,
        lasts_s=0.1,
        may_restart=SERVICES,
        again_s=BACK_S,
    )
    return told, max(took)


def test_r10_the_biggest_process_is_killed(world: World) -> None:
    told, took_s = storm(world, 2)
    assert told.is_good and took_s < BACK_S, f"{took_s}: {told}"


# -- the full forms ----------------------------------------------------------------------------------------------------------------


@contextmanager
def group(world: World, controller: str) -> Iterator[Path]:
    """A control group that holds all processes of the plane, and who comes after them."""
    path = _GROUPS / controller / f"tawny-test-{os.getpid()}"
    path.mkdir()
    try:
        for pid in world.plane.pids():
            try:
                (path / "cgroup.procs").write_text(str(pid))
            except ProcessLookupError:
                continue
        yield path
    finally:
        for pid in (path / "cgroup.procs").read_text().split():
            try:
                (_GROUPS / controller / "cgroup.procs").write_text(pid)
            except ProcessLookupError:
                continue
        world.until(lambda: not (path / "cgroup.procs").read_text().strip(), "the group does not become empty")
        path.rmdir()


def why_no_group(controller: str) -> str:
    is_there = os.geteuid() == 0 and os.access(_GROUPS / controller / "cgroup.procs", os.W_OK)
    return "" if is_there else f"there is no {_GROUPS / controller} to write to: control groups of the first version, and root, are needed"


@pytest.mark.crash
@pytest.mark.root
@pytest.mark.parametrize("names", [("smtpd",), ("queue-writer",), DELIVERERS, ("pop3d", "login-broker", "vmaild")], ids=lambda n: n[0])
@pytest.mark.parametrize("when", ["1+", "1+2"])
def test_r10_full_no_descriptors(world: World, table: Table, names: tuple[str, ...], when: str) -> None:
    told = without_descriptors(world, names, when, lasts_s=3)
    how = "no descriptor" if when == "1+" else "every second time no descriptor"
    enter(table, "R10", f"{how} for {', '.join(names)}, 3 s", told)
    assert told.audit.is_good and not told.restarted and not told.told, str(told)
    assert told.is_good or names == ("smtpd",), told  # who cannot accept cannot answer: clients wait


@pytest.mark.crash
def test_r10_full_few_descriptors_and_a_crowd(table: Table) -> None:
    with crowded() as world:
        told = crowd(world, 400, lasts_s=5)
        enter(table, "R10", f"{FEW} descriptors a process, and 400 connections to one service", told)
    assert told.is_good and set(told.codes) == {"250"}, str(told)


@pytest.mark.crash
@pytest.mark.root
def test_r10_full_no_processes(table: Table) -> None:
    reason = why_no_group("pids")
    if reason:
        pytest.skip(reason)
    with faults_plane.folder() as path, World(path) as world, group(world, "pids") as pids:

        def no_more() -> None:
            (pids / "pids.max").write_text((pids / "pids.current").read_text())

        told = world.suffer(no_more, lambda: (pids / "pids.max").write_text("max"), lasts_s=5)
        refused = (pids / "pids.events").read_text().split()[1]
        enter(table, "R10", f"no process more, 5 s: {refused} forks refused", told)
        assert told.is_good and int(refused), str(told)


@pytest.mark.crash
@pytest.mark.root
def test_r10_full_no_memory(table: Table) -> None:
    """The kernel finds nothing to give, and kills."""
    reason = why_no_group("memory")
    if reason:
        pytest.skip(reason)
    with faults_plane.folder() as path, World(path) as world, group(world, "memory") as memory:
        kills = 0

        def squeeze() -> None:
            nonlocal kills
            for _ in range(5):
                before = killed(memory)
                limit = int((memory / "memory.usage_in_bytes").read_text())
                while killed(memory) == before and limit > 1 << 20:
                    limit = int(limit * 0.9)
                    try:
                        (memory / "memory.limit_in_bytes").write_text(str(limit))
                    except OSError:  # nothing can be taken back: whoever asks next is killed
                        pass
                    deadline = time.monotonic() + 0.2
                    while killed(memory) == before and time.monotonic() < deadline:
                        time.sleep(0.01)
                    if killed(memory) == before:
                        world.probe(5)
                (memory / "memory.limit_in_bytes").write_text("-1")
                kills += killed(memory) - before
                begun = time.monotonic()
                world.until(lambda: all(world.plane.answers(name) for name in SERVICES), "somebody does not come back", 20)
                took.append(time.monotonic() - begun)

        took: list[float] = []
        told = world.suffer(squeeze, lambda: (memory / "memory.limit_in_bytes").write_text("-1"), lasts_s=0.5, may_restart=SERVICES)
        enter(table, "R10", f"too little memory for all of it: {kills} killed by the kernel, back within {max(took):.1f} s", told)
        assert told.is_good and kills and max(took) < BACK_S, str(told)


def killed(memory: Path) -> int:
    lines = dict(line.split() for line in (memory / "memory.oom_control").read_text().splitlines())
    return int(lines.get("oom_kill", 0))


@pytest.mark.crash
def test_r10_full_the_biggest_process_is_killed(table: Table) -> None:
    """Less load than could be delivered, so that what waits at the end waits for nobody's return."""
    with faults_plane.folder() as path, World(path, delay_s=0.1) as world:
        told, took_s = storm(world, 50)
        enter(
            table, "R10", f"the biggest process, of all or of a program, is killed 50 times; all answers again within {took_s:.1f} s", told
        )
    assert told.is_good and took_s < BACK_S, f"{took_s}: {told}"


@pytest.mark.crash
def test_r10_who_acknowledges_early_is_caught(table: Table) -> None:
    with faults_plane.folder() as path, World(path, broken=EARLY) as world:

        def kill() -> None:
            for _ in range(3):
                os.kill(world.plane.pid("queue-writer"), signal.SIGKILL)
                world.until(lambda: world.probe().code == "250", "it does not come back")

        told = world.suffer(kill, lambda: None, lasts_s=0.1, may_restart=SERVICES)
    table.self_test("R10", "a queue writer that acknowledges before it writes, killed", told.audit.summary if told.audit.lost else "")
    assert told.audit.lost, str(told)
