"""The worker and the clock as deploy/services.py starts them: ready files, the timetable, time limits, and a worker that is killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mta.formats import tai64n
from tests.conftest import ROOT
from tests.support.process import eventually

pytestmark = pytest.mark.slow

CELERY = str(Path(sys.executable).parent / "celery")
WORKER = ("worker", "--pool", "solo", "--loglevel", "WARNING", "--without-gossip", "--without-mingle")
BEAT = ("beat", "--loglevel", "WARNING", "--pidfile", "", "-S", "django")
OFTEN = """
from django_celery_beat.models import *
every = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.SECONDS)
PeriodicTask.objects.filter(name="analyse_logs").update(interval=every)
"""


class Appliance:
    """An instance with a database and one line of a log."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.state = home / "webadmin"
        self.env = {
            "PATH": "/usr/bin:/bin",
            "QMAIL_HOME": str(home),
            "APPLIANCE_ROLE": "webadmin",
            "DJANGO_SETTINGS_MODULE": "appliance.settings",
            "PYTHONPATH": str(ROOT),
        }
        self._running: list[subprocess.Popen[bytes]] = []
        self.state.mkdir(parents=True)
        (self.state / "secret-key").write_text("only-for-tests\n")
        main = home / "service/qmail-send/log/main"
        main.mkdir(parents=True)
        (main / "current").write_bytes(tai64n.write(1_800_000_000 * 10**9) + b" info msg 5: bytes 10 from <a@x> qp 1 uid 1\n")
        self.python("from django.core.management import call_command; call_command('migrate', verbosity=0); call_command('timetable')")

    def python(self, program: str) -> str:
        program = f"import django; django.setup()\n{program}"
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=self.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *words: str, **env: str) -> subprocess.Popen[bytes]:
        return self._start(words[0], [CELERY, "-A", "appliance", *words], env)

    def start_python(self, *words: str) -> subprocess.Popen[bytes]:
        return self._start("python", [sys.executable, *words], {})

    def _start(self, name: str, command: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
        with (self.home / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, env={**self.env, **env}, stdout=log, stderr=log)
        self._running.append(process)
        return process

    def said(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text(errors="replace")

    def ready(self, name: str) -> Path:
        return self.state / f"celery-{name}.ready"

    def is_ready(self, name: str, pid: int) -> bool:
        return self.ready(name).exists() and self.ready(name).read_text() == f"{pid}\n"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.state / "webadmin.sqlite3", timeout=20) as db:
            found = db.execute(query).fetchall()
        db.close()
        return found

    def end(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()


@pytest.fixture
def appliance(tmp_path: Path) -> Iterator[Appliance]:
    found = Appliance(tmp_path / "qmail")
    yield found
    found.end()


def test_the_clock_asks_for_tasks_and_the_worker_does_them(appliance: Appliance) -> None:
    for name in ("worker", "beat"):
        appliance.ready(name).write_text("of a process that was killed\n")
    appliance.python(OFTEN)
    beat, worker = appliance.start(*BEAT), appliance.start(*WORKER)
    for name, process in (("beat", beat), ("worker", worker)):
        ready = appliance.ready(name)
        eventually(lambda: ready.exists() and ready.read_text() == f"{process.pid}\n", f"{name} is not ready: {appliance.said(name)}")  # noqa: B023
    query = "SELECT state, summary FROM webadmin_taskrun WHERE name = 'analyse_logs'"
    eventually(lambda: ("done", "1 line of 1 log") in appliance.rows(query), appliance.said("worker"))
    assert appliance.rows("SELECT messnum FROM webadmin_message") == [(5,)]
    for name, process in (("beat", beat), ("worker", worker)):
        process.terminate()
        assert process.wait(20) == 0, appliance.said(name)
        assert not appliance.ready(name).exists()
    said = appliance.said("worker") + appliance.said("beat")
    assert "ERROR" not in said and "Traceback" not in said, said


def test_a_task_of_a_killed_worker_is_done_by_the_next_one(appliance: Appliance) -> None:
    """The run it leaves behind does not stand in the way of the next one."""
    (appliance.home / "service/slow/log/main").mkdir(parents=True)
    os.mkfifo(appliance.home / "service/slow/log/main/current")  # reading a log that never opens
    appliance.python("from webadmin import tasks; tasks.analyse_logs.delay()")
    first = appliance.start(*WORKER)
    running = "SELECT count(*) FROM webadmin_taskrun WHERE state = 'running'"
    eventually(lambda: appliance.rows(running) == [(1,)], appliance.said("worker"))
    first.kill()
    first.wait()
    (appliance.home / "service/slow/log/main/current").unlink()
    appliance.start(*WORKER)
    states = "SELECT state, summary FROM webadmin_taskrun ORDER BY id"
    eventually(lambda: appliance.rows(states)[-1][0] == "done", appliance.said("worker"))
    assert [state for state, _ in appliance.rows(states)] == ["failed", "done"]
    assert appliance.rows(states)[0][1] == "its process ended before the task was done"


def test_a_task_that_takes_too_long_is_ended(appliance: Appliance) -> None:
    (appliance.home / "service/slow/log/main").mkdir(parents=True)
    os.mkfifo(appliance.home / "service/slow/log/main/current")
    worker = appliance.start(*WORKER)
    appliance.python("from webadmin import tasks; tasks.analyse_logs.apply_async(soft_time_limit=1, time_limit=30)")
    states = "SELECT state, summary FROM webadmin_taskrun"
    eventually(lambda: [state for state, _ in appliance.rows(states)] == ["failed"], appliance.said("worker"))
    assert "SoftTimeLimitExceeded" in appliance.rows(states)[0][1]
    assert worker.poll() is None
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0
