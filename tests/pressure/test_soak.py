"""R18: an appliance at six tenths of its peak, for as long as PRESSURE_SOAK_S says: memory, descriptors, threads, disk usage and latencies
of the last third are those of the first."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.crash import faults_plane
from tests.pressure import soak
from tests.pressure.plane import PressurePlane
from tests.pressure.results import FOLDER, Results

SOAK_S = float(os.environ.get("PRESSURE_SOAK_S", "1800"))
SHORT_S = 20.0
QUEUE_P99_MS = 2000.0  # R18

pytestmark = [pytest.mark.slow, pytest.mark.skipif(faults_plane.why_not() is not None, reason=str(faults_plane.why_not()))]


@contextmanager
def started(broken: str = "") -> Iterator[PressurePlane]:
    with faults_plane.folder() as folder, soak.disk(folder) as disk, soak.helper("tests.pressure.soak_sink") as sink:
        assert sink.stdout is not None
        with PressurePlane(disk / "q", sink_port=int(sink.stdout.readline()), broken=broken, keeps_logs=False) as plane:
            yield plane


def flat_samples(count: int = 60) -> list[soak.Sample]:
    return [
        {"smtpd MiB": 20.0 + at % 3 / 10, "smtpd descriptors": 40 + at % 5, "threads": 9, "acknowledged p99 ms": 30 + at % 7}
        for at in range(count)
    ]


def test_what_stays_is_flat() -> None:
    assert soak.Outcome(1000, 600, 60, flat_samples()).growing() == []


@pytest.mark.parametrize(
    ("name", "per_sample"), [("smtpd MiB", 0.06), ("smtpd descriptors", 0.3), ("threads", 0.1), ("acknowledged p99 ms", 6.0)]
)
def test_what_grows_is_seen(name: str, per_sample: float) -> None:
    samples = [{**sample, name: sample[name] + at * per_sample} for at, sample in enumerate(flat_samples())]
    assert soak.Outcome(1000, 600, 60, samples).growing() == [name]


def check(outcome: soak.Outcome) -> None:
    assert outcome.harm == []
    assert outcome.failed == 0, "mail was not acknowledged at six tenths of the peak"
    assert outcome.reader[2] == 0, "POP3 sessions broke"


def test_r18_a_short_soak() -> None:
    with started() as plane:
        outcome = soak.run(plane, SHORT_S, every_s=1, peak_s=3)
    check(outcome)
    memory = [name for name in outcome.growing() if name.endswith(("descriptors", "threads"))]
    assert memory == [], "the rest needs more than seconds to be told"


@pytest.mark.pressure
def test_r18_the_soak_catches_leaks() -> None:
    with started("leaks") as plane:
        outcome = soak.run(plane, 60, every_s=1, peak_s=3)
    assert {"smtpd MiB", "smtpd descriptors"} <= set(outcome.growing())


@pytest.mark.pressure
def test_r18_the_soak(results: Results) -> None:
    with started() as plane:
        outcome = soak.run(plane, SOAK_S, every_s=10, peak_s=15)
    FOLDER.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(sample) for sample in outcome.samples)
    (FOLDER / "soak-samples.json").write_text(f"[\n{lines}\n]\n")
    for row in outcome.rows():
        results.row("soak", row)
    results.note("soak", outcome.note())
    check(outcome)
    assert outcome.growing() == []
    assert outcome.thirds("delivered p99 ms")[1] < QUEUE_P99_MS
