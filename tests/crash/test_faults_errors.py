"""R7, R9: calls of the storage layer that fail, in the real programs, with mail coming in: 4xx or business as usual, nothing lost, nothing
bounced, nobody started again, and all goes on when it is over. What an fsync failed for is never acknowledged, and never synced again.

R13: a disk that takes its time: clients wait, and nobody gives up."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from mta.unix.disk import REAL
from mta.unix.queuedir import QueueTrouble
from tests.crash import faults_disk, faults_inject, faults_plane, faults_sweep, kill_sim, storm, test_kill_calls, test_kill_sim
from tests.crash.conftest import Table
from tests.crash.faults import Told, World, enter
from tests.crash.faults_plane import Stuck
from tests.crash.faults_point import CALLS, ERRORS, Point

pytestmark = [pytest.mark.slow, pytest.mark.skipif(faults_plane.why_not() is not None, reason=str(faults_plane.why_not()))]


@contextmanager
def pointed(broken: str = "", sessions: int = 3) -> Iterator[tuple[World, Point]]:
    with faults_plane.folder() as path:
        point = Point(path / "point")
        with World(path, prepare=point.install, broken=broken, sessions=sessions) as world:
            yield world, point


@pytest.fixture(scope="module")
def ours() -> Iterator[tuple[World, Point]]:
    with pointed() as found:
        yield found


def suffer(ours: tuple[World, Point], call: str, error: int, every: int = 1, lasts_s: float = 0.2) -> Told:
    world, point = ours
    return world.suffer(lambda: point.order(call, error, every), point.order, lasts_s=lasts_s)


def synced_again(point: Point) -> list[str]:
    """Files that were synced after that had failed once. What is appended to bounce/N anew, after the cut, is new data."""
    failed: set[str] = set()
    again = []
    for file, is_synced in point.synced():
        if file in failed and "/bounce" not in file:
            again.append(file)
        if not is_synced:
            failed.add(file)
    return again


QUICK = [("fsync", errno.EIO), ("syncfs", errno.EIO), ("link", errno.EDQUOT), ("open", errno.EMFILE), ("writev", errno.ENOSPC)]


@pytest.mark.parametrize(("call", "error"), QUICK)
def test_r7_r9_a_call_that_fails(ours: tuple[World, Point], call: str, error: int) -> None:
    for every in (1, 2):
        told = suffer(ours, call, error, every)
        assert told.is_good, str(told)
    assert ours[1].failures()
    assert not synced_again(ours[1])


# -- what programs do once -----------------------------------------------------------------------------------------------------------

ONCE = [
    test_kill_calls.test_r2_qmail_newu,
    test_kill_calls.test_r2_qmail_newmrh,
    test_kill_calls.test_r2_tcprules,
    test_kill_calls.test_r2_a_file_replaced_and_removed,
    test_kill_calls.test_r2_r15_a_generation_is_installed_whole_or_not_at_all,
    test_kill_calls.test_r2_plain_directories_become_a_generation,
]


def sweeping(folder: Path, errors: Sequence[int], counted: list[int]) -> Callable[..., int]:
    """What tests of kills take for their sweep. They want so many kills; errors are fewer."""

    def sweep(*acts: Any) -> int:
        counted.append(faults_sweep.sweep(folder, *acts, errors))
        return counted[-1] and 1000

    return sweep


@pytest.mark.parametrize("test", ONCE, ids=[test.__name__.removeprefix("test_r2_") for test in ONCE])
def test_r9_each_call_fails_once(test: Callable[..., None], tmp_path: Path) -> None:
    test(sweeping(tmp_path, [errno.EIO], []))


# -- what qmail-send does, on a simulated disk --------------------------------------------------------------------------------------


class Refusing(kill_sim.SimClean):
    """As qmail-clean answers when the disk refuses."""

    def turn(self) -> bool:
        asked = self._asked[0] if self._asked else None
        try:
            return super().turn()
        except OSError:
            assert asked is not None
            asked[2](False)
            return True


def enqueue(*given: Any) -> int:
    """As the queue writer does it when there is not even a file."""
    try:
        return _enqueue(*given)
    except QueueTrouble as trouble:
        return trouble.exit


_enqueue = kill_sim.enqueue


def refused(case: test_kill_sim.Case, n: int, error: int) -> bool:
    """The n-th call that changes something fails, once. False: there are not so many."""
    why, sender, recipients, arrive, fail = case
    disk, world = test_kill_sim.prepared(sender, recipients)
    disk.fail_at = (n, error)
    kill_sim.SimSender(disk, world).run()
    test_kill_sim.check(f"{why}, {errno.errorcode[error]} at {n}: {disk.calls[n - 2 : n]}", disk, world, arrive, fail, 1)
    return len(disk.calls) >= n


@pytest.mark.parametrize("case", test_kill_sim.CASES, ids=[case[0] for case in test_kill_sim.CASES])
def test_r9_qmail_send_is_refused_a_call(case: test_kill_sim.Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kill_sim, "SimClean", Refusing)
    monkeypatch.setattr(kill_sim, "enqueue", enqueue)
    for error in ERRORS:
        n = 1
        while refused(case, n, error):
            n += 1
        assert n > 2


# -- the full forms ----------------------------------------------------------------------------------------------------------------


def once(world: World, point: Point, call: str) -> None:
    """One call fails."""
    before = point.failures()
    point.order(call, errno.EIO)
    world.until(lambda: point.failures() > before, f"nobody calls {call}")
    point.order()


@pytest.mark.crash
@pytest.mark.parametrize("call", ["fsync", "syncfs"])
@pytest.mark.parametrize("how", ["once", "always"])
def test_r7_full_a_failed_fsync(table: Table, call: str, how: str) -> None:
    with pointed(sessions=3 if call == "fsync" else 12) as (world, point):
        if how == "once":
            told = [world.suffer(lambda: once(world, point, call), lambda: None, lasts_s=0.1) for _ in range(10)]
        else:
            told = [suffer((world, point), call, errno.EIO, lasts_s=5)]
        times, again = point.failures(), synced_again(point)
        enter(table, "R7", f"{call} fails {how}, {times} times: {len(again)} files synced again", told[-1], of="fsync")
        assert all(one.is_good for one in told), "\n".join(map(str, told))
        assert times and not again


@pytest.mark.crash
@pytest.mark.parametrize("broken", ["a failed fsync is asked again", "a failed fsync is none"])
def test_r7_a_failed_fsync_is_caught(table: Table, broken: str) -> None:
    with pointed(broken) as (world, point):
        caught = []
        try:
            told = suffer((world, point), "fsync", errno.EIO, every=2, lasts_s=1)
            caught = [] if told.audit.is_good else [told.audit.summary]
        except Stuck:  # a damaged message stays in the queue
            caught = ["stuck in the queue"]
        if synced_again(point):
            caught.append(f"{len(synced_again(point))} files synced again")
        table.self_test("R7", broken, ", ".join(caught), of="fsync")
        table.self_test("R9", broken, ", ".join(caught))
        assert caught


@pytest.mark.crash
@pytest.mark.parametrize("error", ["ENOSPC", "EDQUOT", "EIO"])
def test_r7_full_what_the_kernel_refuses(table: Table, error: str) -> None:
    """By strace, so that nothing of Python stands between."""
    reason = faults_inject.why_not()
    if reason:
        pytest.skip(reason)
    with pointed() as (world, _), ExitStack() as stack:
        pids = world.plane.processes("queue-writer")
        told = world.suffer(
            lambda: stack.enter_context(faults_inject.injecting(pids, f"fsync,syncfs,linkat,writev:error={error}:when=1+2")),
            stack.close,
            lasts_s=5,
        )
        enter(
            table, "R7", f"the kernel answers every second writev, linkat, fsync, syncfs of the queue writer with {error}", told, of="fsync"
        )
        assert told.is_good, str(told)


@pytest.mark.crash
def test_r9_full(ours: tuple[World, Point], table: Table) -> None:
    world, point = ours
    bad = []
    spells = 0
    for call in CALLS:
        for error in ERRORS:
            told = suffer(ours, call, error, every=1 + spells % 2)
            spells += 1
            if not told.is_good:
                bad.append(f"{call} {errno.errorcode[error]}: {told}")
    enter(
        table,
        "R9",
        f"{len(CALLS)} calls fail with {len(ERRORS)} errors each, {point.failures()} times under load",
        world.audit(),
        of="live",
    )
    assert not bad, "\n".join(bad)


@pytest.mark.crash
def test_r9_who_does_not_look_at_errors_is_caught(table: Table) -> None:
    broken = "what the disk does not take counts as written"
    with pointed(broken) as ours:
        try:
            told = suffer(ours, "writev", errno.ENOSPC, every=2, lasts_s=1)
            caught = "" if told.audit.is_good else told.audit.summary
        except Stuck:  # a message that is not there
            caught = "stuck in the queue"
    table.self_test("R9", broken, caught, of="live")
    assert caught


@pytest.mark.crash
def test_r9_full_each_call_fails_once(tmp_path: Path, table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each error at each call of programs that do their work and end, and of qmail-send on a simulated disk."""
    counted: list[int] = []
    for number, test in enumerate(ONCE):
        folder = tmp_path / str(number)
        folder.mkdir()
        test(sweeping(folder, ERRORS, counted))
    table.row(
        "R9",
        f"{len(ERRORS)} errors at each call of {len(ONCE)} acts: {sum(counted)}",
        "0 half done",
        counts={"calls": sum(counted)},
        of="once",
    )


@pytest.mark.crash
def test_r9_a_file_written_in_place_is_caught(tmp_path: Path, table: Table) -> None:
    def in_place(path: bytes, data: bytes, **_: Any) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
        REAL.write(fd, data)
        REAL.close(fd)

    def act(root: Path) -> None:
        in_place(os.fsencode(root / "a"), b"new")

    def check(root: Path, is_done: bool) -> None:
        assert (root / "a").read_bytes() in ((b"new",) if is_done else (b"new", b"old"))

    with pytest.raises(AssertionError) as caught:
        faults_sweep.sweep(tmp_path, lambda root: (root / "a").write_bytes(b"old") and None, act, check, ERRORS)
    table.self_test("R9", "a file written in place", str(caught.value.__notes__[0]), of="once")


# -- R13 ---------------------------------------------------------------------------------------------------------------------------

EARLY = "acknowledges early"
assert EARLY in storm.BROKEN
SLOW_DISK_S = 60.0  # a client's patience


def test_r13_a_slow_disk(ours: tuple[World, Point]) -> None:
    world, point = ours
    told = world.suffer(lambda: point.order("fsync", delay_s=0.05), point.order, lasts_s=0.5, slow_s=SLOW_DISK_S)
    assert told.is_good and set(told.codes) == {"250"}, str(told)


def slow_disk(folder: Path, broken: str) -> Told:
    """Fifty writes a second, for all that lies in the queue and in mailboxes; twice somebody kills the queue writer meanwhile."""
    mounts = {"queue": ("ext4", 64), "domains": ("ext4", 64)}
    with World(folder, mounts=mounts, broken=broken) as world, ExitStack() as stack:

        def begin() -> None:
            for disk in world.disks.values():
                stack.enter_context(disk.slowed(iops=50))

        def kill() -> None:
            for _ in range(2):
                time.sleep(5)
                os.kill(world.plane.pid("queue-writer"), signal.SIGKILL)

        with ThreadPoolExecutor(1) as pool:
            killing: list[Future[None]] = []

            def both() -> None:
                begin()
                killing.append(pool.submit(kill))

            told = world.suffer(both, stack.close, lasts_s=15, slow_s=SLOW_DISK_S, may_restart=("queue-writer",), again_s=30)
            killing[0].result()
        return told


@pytest.mark.crash
@pytest.mark.root
def test_r13_full_fifty_writes_a_second(table: Table) -> None:
    reason = faults_disk.why_not("ext4") or faults_disk.why_not_slow()
    if reason:
        pytest.skip(reason)
    with faults_plane.folder() as path:
        told = slow_disk(path, "")
    enter(table, "R13", "disks of 50 writes a second for 15 s, the queue writer killed twice meanwhile", told)
    assert told.is_good, str(told)


@pytest.mark.crash
@pytest.mark.root
def test_r13_who_acknowledges_early_is_caught(table: Table) -> None:
    reason = faults_disk.why_not("ext4") or faults_disk.why_not_slow()
    if reason:
        pytest.skip(reason)
    with faults_plane.folder() as path:
        told = slow_disk(path, EARLY)
    table.self_test("R13", "a queue writer that acknowledges before it writes", told.audit.summary if told.audit.lost else "")
    assert told.audit.lost, str(told)
