"""R3: the power fails below a mail system at work, on ext4 and xfs, queue and Maildirs together and apart: nothing acknowledged is lost.

Needs root, for loop mounts and the shutdown ioctl. The full form cuts 240 times; see `make crash`.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mta.unix.disk import REAL
from tests.crash import faults_disk, faults_plane
from tests.crash.conftest import Table
from tests.crash.faults_disk import Disks
from tests.crash.faults_plane import DOMAIN
from tests.crash.power import Town
from tests.crash.storm import cut_off

KINDS = ("ext4", "xfs")
LAYOUTS = [(kind, is_apart) for kind in KINDS for is_apart in (False, True)]
IDS = [f"{kind}-{'apart' if is_apart else 'together'}" for kind, is_apart in LAYOUTS]
CUTS = int(os.environ.get("CRASH_CUTS", "60"))
SELF_TEST_CUTS = 20  # a variant without directory syncs loses a message in one cut of two or three

Make = Callable[..., Town]


@pytest.fixture
def folder() -> Iterator[Path]:
    reason = faults_disk.why_not(*KINDS) or faults_plane.why_not()
    if reason:
        pytest.skip(reason)
    with faults_plane.folder() as path:
        yield path


def layout(kind: str, is_apart: bool) -> str:
    return f"{kind}, queue and Maildirs {'apart' if is_apart else 'together'}"


def cut_until_lost(town: Town, cuts: int, chance: random.Random) -> str:
    """-> at which cut what was lost, or how many messages nobody can work off; "" when nothing was."""
    for done in range(1, cuts + 1):
        try:
            town.cut(chance, drain_s=10)
        except faults_plane.Stuck:
            return f"at cut {done} {len(town.plane.waiting())} that nobody can deliver"
        if lost := town.audit().lost:
            return f"at cut {done} {len(lost)} lost"
    return ""


@pytest.mark.slow
@pytest.mark.root
@pytest.mark.parametrize(("kind", "is_apart"), [("ext4", True), ("xfs", False)])
def test_r3_nothing_acknowledged_is_lost_in_a_power_cut(folder: Path, kind: str, is_apart: bool) -> None:
    chance = random.Random(kind)
    with Town(folder, kind, is_apart=is_apart) as town:
        for _ in range(3):
            town.cut(chance)
        found = town.audit()
        assert found.is_good and found.acknowledged, found


@pytest.mark.slow
@pytest.mark.root
def test_r3_catches_a_mail_system_that_does_not_sync(folder: Path) -> None:
    with Town(folder, "ext4", is_apart=False, broken="no fsync") as town:
        assert cut_until_lost(town, 3, random.Random(1)), "a mail system without fsync was not told from one with it"


@pytest.mark.slow
@pytest.mark.root
@pytest.mark.parametrize("kind", KINDS)
def test_no_sync_is_believed_once_the_file_system_was_shut_down(folder: Path, kind: str) -> None:
    """An fsync of a directory succeeds then on xfs, though its names are lost."""
    with Disks(folder) as disks:
        disk = disks.make("d", kind, folder / "d")
        names = disk.where / "names"
        names.mkdir()
        REAL.sync_dir(bytes(disk.where))
        fd = REAL.open(bytes(names), 0)
        try:
            (names / "new").touch()
            disk.shut_down()
            with pytest.raises(OSError, match="Input/output error"):
                REAL.fsync(fd)
        finally:
            REAL.close(fd)


# -- the full form -----------------------------------------------------------------------------------------------------------------


@pytest.mark.crash
@pytest.mark.root
@pytest.mark.parametrize(("kind", "is_apart"), LAYOUTS, ids=IDS)
@pytest.mark.parametrize("broken", ["no fsync", "no directory fsync"])
def test_r3_full_every_broken_variant_is_caught(folder: Path, table: Table, kind: str, is_apart: bool, broken: str) -> None:
    with Town(folder, kind, is_apart=is_apart, broken=broken) as town:
        caught = cut_until_lost(town, SELF_TEST_CUTS, random.Random(broken))
        table.self_test("R3", broken, caught, of=layout(kind, is_apart))
        assert caught, f"{broken} was not caught in {SELF_TEST_CUTS} cuts: the harness proves nothing"


@pytest.mark.crash
@pytest.mark.root
@pytest.mark.parametrize(("kind", "is_apart"), LAYOUTS, ids=IDS)
def test_r3_full_sixty_cuts(folder: Path, table: Table, kind: str, is_apart: bool) -> None:
    chance = random.Random(layout(kind, is_apart))
    with Town(folder, kind, is_apart=is_apart) as town:
        for done in range(1, CUTS + 1):
            town.cut(chance)
            if done % 10 == 0:
                assert town.audit().is_good, f"after {done} cuts: {town.audit()}"
        found = town.audit()
        twice = found.twice(DOMAIN)
        under_way = cut_off(town.plane.log("qmail-send"))["remote"]
        more = ", ".join(f"{count} {what}" for what, count in twice.items())
        told = f"{found.summary}; {more} ({under_way} deliveries were under way there)"
        counts = {**found.counts, **twice, "cuts": CUTS, "cut off, remote": under_way}
        table.row("R3", f"{CUTS} power cuts under load, {layout(kind, is_apart)}", told, counts=counts, of=layout(kind, is_apart))
        assert found.is_good and not twice["twice in a Maildir"], found
