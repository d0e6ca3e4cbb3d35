"""Worker and clock in one process, as deploy/services.py starts them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.appliance.test_celery import OFTEN, Appliance
from tests.support.process import eventually

pytestmark = pytest.mark.slow

BROKEN_CLOCK = """
import celery.beat
from appliance import worker
class Service:
    def __init__(self, app, **_): pass
    def start(self): raise RuntimeError("the spring is broken")
worker.Service = Service
worker.main()
"""


@pytest.fixture
def appliance(tmp_path: Path) -> Iterator[Appliance]:
    found = Appliance(tmp_path / "qmail")
    yield found
    found.end()


def test_the_timetable_is_kept_by_one_process(appliance: Appliance) -> None:
    for name in ("worker", "beat"):
        appliance.ready(name).write_text("of a process that was killed\n")
    appliance.python(OFTEN)
    process = appliance.start_python("-m", "appliance.worker")
    eventually(lambda: all(appliance.is_ready(name, process.pid) for name in ("worker", "beat")), appliance.said("python"))
    query = "SELECT state FROM webadmin_taskrun WHERE name = 'analyse_logs'"
    eventually(lambda: ("done",) in appliance.rows(query), appliance.said("python"))
    process.terminate()
    assert process.wait(20) == 0, appliance.said("python")
    assert not appliance.ready("worker").exists() and not appliance.ready("beat").exists()
    assert "ERROR" not in appliance.said("python") and "Traceback" not in appliance.said("python")


def test_when_the_clock_stops_the_process_ends(appliance: Appliance) -> None:
    process = appliance.start_python("-c", BROKEN_CLOCK)
    assert process.wait(30) in (0, -signal.SIGTERM), appliance.said("python")
    assert "the clock has stopped" in appliance.said("python")
    assert "the spring is broken" in appliance.said("python")
