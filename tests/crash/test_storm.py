"""R1: processes of an appliance under load are killed at random. Nothing acknowledged is lost, changed, or delivered to somebody else, and
no mailbox has anything twice."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.crash import faults_plane, ledger
from tests.crash.conftest import Table
from tests.crash.storm import Force, Outcome, StormPlane, WholePlane, run

KILLS = int(os.environ.get("CRASH_KILLS", "1000"))
MESSAGES = int(os.environ.get("CRASH_MESSAGES", "50000"))
SEED = int(os.environ.get("CRASH_SEED", "1"))

pytestmark = [pytest.mark.slow, pytest.mark.skipif(faults_plane.why_not() is not None, reason=str(faults_plane.why_not()))]


def storm(kind: type[StormPlane], force: Force, broken: str = "") -> Outcome:
    with faults_plane.folder() as folder:
        plane = kind(folder / "q", routes={"far.example": 25}, broken=broken)  # the sink's port comes later
        plane.prepare()
        notes = ledger.folder()
        try:
            return run(plane, force, notes)
        finally:
            shutil.rmtree(notes)


def check(outcome: Outcome) -> None:
    assert outcome.audit.is_good, outcome.audit
    assert outcome.refused == [], "mail that should be taken was refused for good"
    assert outcome.direct_duplicates == []
    assert outcome.other_duplicates["bounced"] == 0
    assert outcome.other_duplicates["remote"] <= outcome.cut_off["remote"]
    assert outcome.other_duplicates.total() + outcome.came_back <= outcome.cut_off.total()


def test_r1_a_gust() -> None:
    outcome = storm(StormPlane, Force(kills=20, messages=500, between_kills_s=0.15, tree_share=0, seed=SEED))
    check(outcome)
    assert outcome.kills.total >= 20


@pytest.mark.crash
@pytest.mark.parametrize(
    ("broken", "only"), [("acknowledges early", ("queue-writer",)), ("another name each time", ("qmail-local", "qmail-lspawn"))]
)
def test_r1_the_storm_catches(table: Table, broken: str, only: tuple[str, ...]) -> None:
    outcome = storm(StormPlane, Force(kills=12, messages=100, between_kills_s=0.25, tree_share=0, only=only), broken)
    lost, twice = len(outcome.audit.lost), len(outcome.direct_duplicates)
    found = [f"{count} {what}" for count, what in ((lost, "lost"), (twice, "twice in a Maildir")) if count]
    table.self_test("R1", broken, f"{' and '.join(found)} after {outcome.kills.total} kills" if found else "")
    assert found, f"{broken} was not caught: the storm proves nothing"
    with pytest.raises(AssertionError):
        check(outcome)


@pytest.mark.crash
def test_r1_the_storm(table: Table) -> None:
    force = Force(kills=KILLS, messages=MESSAGES, between_kills_s=0.55, delay_s=0.02, tree_share=0.01, seed=SEED, settle_s=180)
    outcome = storm(WholePlane, force)
    table.row("R1", outcome.what, outcome.result, counts=outcome.counts)
    check(outcome)
    assert outcome.other_duplicates.total() <= outcome.kills.total, "more than one for each kill"
