"""The same tests of rows and acts once more, with PostgreSQL in SQLite's place."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.support import postgresql

PATHS = (
    "mirror",
    "accounts/test_acts.py",
    "audit",
    "domains/test_acts.py",
    "logs",
    "stale",
    "test_at_once.py",
    "test_runs.py",
    "test_timetable.py",
)


@pytest.mark.slow
def test_rows_and_acts_work_with_postgresql() -> None:
    with postgresql.running() as url:
        command = [sys.executable, "-m", "pytest", "-q", *(f"tests/webadmin/{path}" for path in PATHS)]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, "DATABASE_URL": url}, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout.splitlines()[-1], done.stdout[-500:]
