"""R7, R9: calls of the storage layer that fail, in the real programs, with mail coming in: 4xx or business as usual, nothing lost, nothing
bounced, nobody started again, and all goes on when it is over. What an fsync failed for is never acknowledged, and never synced again.

R13: a disk that takes its time: clients wait, and nobody gives up."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mta.unix.queuedir import QueueTrouble
from tests.crash import faults_plane, faults_sweep, kill_sim, test_kill_calls, test_kill_sim
from tests.crash.conftest import Table
from tests.crash.faults import Told, World, enter
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
    """Files that were synced after that had failed once."""
    failed: set[str] = set()
    again = []
    for file, is_synced in point.synced():
        if file in failed:
            again.append(file)
        if not is_synced:
            failed.add(file)
    return again


QUICK = [("fsync", errno.EIO), ("syncfs", errno.EIO), ("link", errno.EDQUOT), ("open", errno.EMFILE), ("writev", errno.ENOSPC)]


@pytest.mark.parametrize(("call", "error"), QUICK)
def test_r7_r9_a_call_that_fails(ours: tuple[World, Point], call: str, error: int) -> None:
    for every in (1, 2):
        told = suffer(ours, call, error, every)
        assert told.is_good, told
    assert ours[1].failures()


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
    enter(table, "R9", f"{len(CALLS)} calls fail with {len(ERRORS)} errors each, {point.failures()} times under load", world.audit())
    assert not bad, "\n".join(bad)
