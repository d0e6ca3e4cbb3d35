"""A PostgreSQL of one's own: a new cluster in a temporary folder, reached by a Unix socket there, run without root's rights.

with postgres.cluster() as url: ...        skips the test, with a word, where Debian's package postgresql is not installed
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.support import unprivileged

NAME = "tawny"
PATIENCE_S = 60.0


def programs() -> Path | None:
    """The folder of initdb and postgres, of the newest version there is."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parent.parent.name))
    here = shutil.which("initdb")
    return found[-1].parent if found else Path(here).resolve().parent if here else None


@contextmanager
def cluster(*, is_safe: bool = False) -> Iterator[str]:
    """-> DATABASE_URL of an empty database. is_safe: sync to disk as a real one does, for benchmarks."""
    folder_of_programs = programs()
    if folder_of_programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with unprivileged.folder() as folder:
        words = ["initdb", "-D", "data", "-U", NAME, "-A", "trust", "-E", "UTF8", "--locale", "C", "--no-sync"]
        _run(folder_of_programs, folder, words)
        words = ["postgres", "-D", "data", "-k", str(folder), "-c", "listen_addresses=", "-c", f"fsync={'on' if is_safe else 'off'}"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(_argv(folder_of_programs, words), cwd=folder, stdout=log, stderr=log, **unprivileged.become())  # type: ignore[call-overload]
        try:
            _create_database(folder, server)
            yield f"postgresql://{NAME}@/{NAME}?host={folder}"
        finally:
            server.send_signal(2)  # "fast shutdown": clients are sent away
            server.wait(PATIENCE_S)


def _argv(programs_: Path, words: list[str]) -> list[str]:
    return [str(programs_ / words[0]), *words[1:]]


def _run(programs_: Path, folder: Path, words: list[str]) -> None:
    done = subprocess.run(_argv(programs_, words), cwd=folder, capture_output=True, text=True, check=False, **unprivileged.become())  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr


def _create_database(folder: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        assert server.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
        try:
            with psycopg.connect(host=str(folder), user=NAME, dbname="postgres", autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {NAME}")
            return
        except psycopg.OperationalError:
            time.sleep(0.05)
