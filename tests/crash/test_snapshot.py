"""R4: snapshots of the disk while mail is coming in, each started on as after a power cut: nothing acknowledged before one is lost in it.

Needs root, for loop mounts. The full form takes 300; see `make crash`.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.crash import faults_disk, faults_plane
from tests.crash.conftest import Table
from tests.crash.faults_plane import DOMAIN, DRAIN_S, Stuck
from tests.crash.snapshot import Gallery

KINDS = ("ext4", "xfs")
BATCHES = 5  # of each kind
BATCH = int(os.environ.get("CRASH_SNAPSHOTS", "30"))


@pytest.fixture
def folder() -> Iterator[Path]:
    reason = faults_disk.why_not(*KINDS) or faults_plane.why_not()
    if reason:
        pytest.skip(reason)
    with faults_plane.folder() as path:
        yield path


def caught(gallery: Gallery) -> str:
    """-> in which snapshot something is missing, or nobody can work off what is there; "" when all is well."""
    number = 0
    try:
        for number, found in enumerate(gallery.recover(drain_s=10), 1):
            if found.lost:
                return f"in snapshot {number} {len(found.lost)} lost"
    except Stuck:
        return f"in snapshot {number + 1} a queue that nobody can work off"
    return ""


@pytest.mark.slow
@pytest.mark.root
def test_r4_every_snapshot_holds_what_was_acknowledged(folder: Path) -> None:
    with Gallery(folder, "ext4") as gallery:
        gallery.take(2, random.Random(4))
        for found in gallery.recover(DRAIN_S):
            assert found.is_good and found.acknowledged, found


@pytest.mark.crash
@pytest.mark.root
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("broken", ["no fsync", "no directory fsync"])
def test_r4_full_every_broken_variant_is_caught(folder: Path, table: Table, kind: str, broken: str) -> None:
    with Gallery(folder, kind, broken=broken) as gallery:
        gallery.take(20, random.Random(broken), is_quiet=True)
        how = caught(gallery)
        table.self_test("R4", broken, how, of=kind)
        assert how, f"{broken} was not caught in 20 snapshots: the harness proves nothing"


def tell(counts: Mapping[str, int]) -> str:
    names = ("lost", "corrupted", "at a wrong place", "twice in a Maildir", "told of in two bounces", "twice far away")
    told = ", ".join(f"{counts[name]} {name}" for name in names)
    return f"{counts['acknowledged']} acknowledged, all snapshots together: {told} (a copy takes {counts['ms'] / counts['number']:.0f} ms)"


@pytest.mark.crash
@pytest.mark.root
@pytest.mark.parametrize("batch", range(BATCHES))
@pytest.mark.parametrize("kind", KINDS)
def test_r4_full_thirty_snapshots(folder: Path, table: Table, kind: str, batch: int) -> None:
    counts: Counter[str] = Counter()
    bad: list[str] = []
    with Gallery(folder, kind) as gallery:
        gallery.take(BATCH, random.Random(f"{kind} {batch}"))
        took = [snapshot.took_s for snapshot in gallery.snapshots]
        for found in gallery.recover(DRAIN_S):
            counts["number"] += 1
            assert found.acknowledged, "the load does not get through"
            twice = found.twice(DOMAIN)
            counts.update({**found.counts, **twice})
            bad += [f"snapshot {counts['number']}: {found}"] if twice["twice in a Maildir"] or not found.is_good else []
    table.add("R4", f"snapshots under load, {kind}", {**counts, "ms": round(sum(took) * 1000)}, tell, of=kind)
    assert not bad, bad
