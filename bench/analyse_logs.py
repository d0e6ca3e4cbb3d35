"""How long does it take to take 100 MB of qmail-send's log into the database? (Acceptance programme C5: under 60 s.)

The log is a made one of the usual mix: a third of the messages to several recipients, 15 % of the attempts deferred, 5 % failed. Every run
begins with an empty database; with PostgreSQL (a server of its own that syncs to disk) where Debian's package is installed.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import measure
from bench.measure import Series
from mta.formats import qmaillog, tai64n

SIZE, FILE_SIZE, RUNS = 100_000_000, 1_000_000, 5
HERE = Path(__file__).resolve().parent.parent
PREPARE = "import django; django.setup(); from django.core.management import call_command; call_command('migrate', verbosity=0)"
ANALYSE = """
import time, django
django.setup()
from webadmin.logs.analyse import analyse
from webadmin.models import Delivery
begun = time.monotonic()
totals = analyse()
print(time.monotonic() - begun, totals.lines, totals.odd_lines, Delivery.objects.count())
"""


def main() -> None:
    series: list[Series] = []
    with measure.file_system(2048) as disk:
        log = disk / "log"
        lines, deliveries = write(log)
        for who, servers in (("SQLite", sqlite), ("PostgreSQL", postgresql)):
            with servers(disk) as url:
                if url is None:
                    continue
                times = Series(who, "100 MB of log", "s")
                for _ in range(RUNS):
                    times.runs.append(run(disk, log, url, lines, deliveries))
                series.append(times)
    measure.save(
        "analyse_logs",
        "Time to analyse 100 MB of qmail-send's log",
        series,
        f"{lines} lines, {deliveries} deliveries, in files of {FILE_SIZE} octets, from an empty database to the last commit.",
    )


# -- the log -----------------------------------------------------------------------------------------------------------------------


def write(folder: Path) -> tuple[int, int]:
    """-> how many lines, how many deliveries."""
    folder.mkdir()
    dice = random.Random(1)
    now_ns, lines, deliveries, size, piece = 1_790_000_000 * 10**9, 0, 0, 0, bytearray()
    while size < SIZE:
        for line in message(dice, deliveries):
            now_ns += dice.randrange(1, 40_000_000)
            piece += tai64n.write(now_ns) + b" " + line
            lines += 1
            deliveries += line.startswith(b"delivery")
            if len(piece) > FILE_SIZE:
                (folder / (tai64n.write(now_ns).decode() + ".s")).write_bytes(piece)
                size += len(piece)
                piece.clear()
    (folder / "current").write_bytes(piece)
    return lines, deliveries


def message(dice: random.Random, number: int) -> Iterator[bytes]:
    """The life of one message, its lines as qmail-send writes them. number: of the last delivery."""
    messnum, domain = dice.randrange(10**6, 3 * 10**6), f"customer{dice.randrange(2000)}.example"
    yield qmaillog.new_msg(messnum)
    yield qmaillog.info_msg(messnum, dice.randrange(400, 90_000), f"user{dice.randrange(50)}@{domain}".encode(), number + 10**6, 64011)
    for _ in range(dice.choice((1, 1, 1, 1, 2, 6))):
        recipient = f"somebody{dice.randrange(10**5)}@far{dice.randrange(3000)}.example".encode()
        letters = [*([b"Z"] * (dice.random() < 0.15)), b"D" if dice.random() < 0.05 else b"K"]
        for letter in letters:
            number += 1
            yield qmaillog.starting(number, messnum, b"remote", recipient)
            yield qmaillog.status(0, 10, 1, 20, False)
            yield qmaillog.delivery(number, letter, b"192.0.2.7_accepted_message./Remote_host_said:_250_ok_%d/" % number)
            yield qmaillog.status(0, 10, 0, 20, False)
    yield qmaillog.end_msg(messnum)


# -- the runs ----------------------------------------------------------------------------------------------------------------------


def run(disk: Path, log: Path, url: str, lines: int, deliveries: int) -> float:
    home = disk / "home"
    shutil.rmtree(home, ignore_errors=True)
    (home / "service/qmail-send/log").mkdir(parents=True)
    (home / "service/qmail-send/log/main").symlink_to(log)
    (home / "webadmin").mkdir()
    (home / "webadmin/secret-key").write_text("bench\n")
    if url.startswith("postgresql"):
        python(home, url, "import django; django.setup(); from django.db import connection as c; "
               "c.cursor().execute('DROP SCHEMA public CASCADE; CREATE SCHEMA public')")  # fmt: skip
    python(home, url, PREPARE)
    seconds, *found = python(home, url, ANALYSE).split()
    if list(map(int, found)) != [lines, 0, deliveries]:
        sys.exit(f"bench: {found} instead of {lines} lines and {deliveries} deliveries")
    return float(seconds)


def python(home: Path, url: str, program: str) -> str:
    env = {"PATH": os.environ["PATH"], "QMAIL_HOME": str(home), "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "appliance.settings"}
    done = subprocess.run([sys.executable, "-c", program], cwd=HERE, env=env, capture_output=True, text=True, check=True)
    return done.stdout


@contextmanager
def sqlite(disk: Path) -> Iterator[str | None]:
    yield f"sqlite:///{disk}/home/webadmin/webadmin.sqlite3"


@contextmanager
def postgresql(disk: Path) -> Iterator[str | None]:
    """A cluster on the same disk, as initdb sets it up."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
    if programs is None:
        yield None
        return
    data = disk / "postgresql"
    data.mkdir()
    os.chown(data, 65534, 65534)
    nobody = {"cwd": data, "user": 65534, "group": 65534, "extra_groups": [], "stdout": subprocess.DEVNULL}
    subprocess.run([programs / "initdb", "-D", data / "data", "-U", "tawny", "-A", "trust"], check=True, **nobody)  # type: ignore[call-overload]
    words = [programs / "postgres", "-D", data / "data", "-k", data, "-c", "listen_addresses="]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL, **nobody) as server:  # type: ignore[call-overload]
        try:
            measure.wait_until(lambda: (data / ".s.PGSQL.5432").exists(), every_s=0.1)
            time.sleep(1)
            yield f"postgresql://tawny@/postgres?host={data}"
        finally:
            server.send_signal(2)
            server.wait()
