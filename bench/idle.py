"""What does the whole appliance cost while nothing happens, and how long does it take from `make run` to `ready:`?

An instance with everything (mail, both halves of the web, Celery, the logs), prepared once before. Memory is what its processes take
together, with shared pages counted once (PSS), and what they take each for itself (RSS, which counts shared pages for every process anew).
CPU is what they used in 30 seconds, of one processor, 15 seconds after the start.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from bench import measure
from bench.measure import Series, wait_until

RUNS, QUIET_S, IDLE_S = 5, 15, 30
PORTS = {"SMTP_PORT": 26201, "SUBMISSION_PORT": 26202, "SMTPS_PORT": 26203, "POP3_PORT": 26204, "POP3S_PORT": 26205, "WEB_PORT": 26206}
CHECKOUT = Path(__file__).resolve().parent.parent


def main() -> None:
    found: dict[str, Series] = {}

    def note(what: str, unit: str, figure: float) -> None:
        found.setdefault(what, Series("Tawny", what, unit)).runs.append(figure)

    with measure.file_system() as disk:
        _stop(_start(disk)[0])  # prepares the instance
        for _ in range(RUNS):
            up, taken = _start(disk)
            try:
                note("make run to ready:", "s", taken)
                time.sleep(QUIET_S)
                pids = family(up.pid)
                note("processes", "", len(pids))
                note("memory, PSS", "MiB", sum(map(measure.pss_mib, pids)))
                note("memory, RSS", "MiB", sum(map(_rss_mib, pids)))
                note("CPU", "%", _cpu_percent(up.pid))
            finally:
                _stop(up)
    measure.save(
        "idle",
        "The whole appliance, idle",
        list(found.values()),
        f"All services of `make run`, as root, {QUIET_S} seconds after the start; CPU of one processor over {IDLE_S} seconds.",
    )


def _start(disk: Path) -> tuple[subprocess.Popen[bytes], float]:
    """-> (deploy.up, seconds until it was ready)"""
    env = {
        **os.environ,
        **{name: str(port) for name, port in PORTS.items()},
        "QMAIL_HOME": str(disk / "qmail"),
        "APPLIANCE_ME": "bench.example.org",
        "APPLIANCE_CREATE_USERS": "1",
    }
    path = disk / "up.log"
    begun = time.monotonic()
    with path.open("wb") as log:
        up = subprocess.Popen([sys.executable, "-m", "deploy.up"], cwd=CHECKOUT, env=env, stdout=log, stderr=log)
    wait_until(lambda: b"\nready:" in path.read_bytes() or up.poll() is not None, every_s=0.01)
    if up.poll() is not None:
        sys.exit("bench: " + path.read_text())
    return up, time.monotonic() - begun


def _stop(up: subprocess.Popen[bytes]) -> None:
    up.send_signal(signal.SIGTERM)
    up.wait(30)


def family(pid: int) -> list[int]:
    """A process and all that come from it."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(path.read_text().rpartition(")")[2].split()[1]), []).append(int(path.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def _rss_mib(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _cpu_percent(up: int) -> float:
    """Of one processor, processes that came and went included."""
    before, begun = _cpu_s(up), time.monotonic()
    time.sleep(IDLE_S)
    return (_cpu_s(up) - before) / (time.monotonic() - begun) * 100


def _cpu_s(up: int) -> float:
    """Of the living, to the nanosecond; of their children that have ended, in ticks."""
    total = 0.0
    for pid in family(up):
        try:
            for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                total += int(path.read_text().split()[0]) / 1e9
            total += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[13:15])) / os.sysconf("SC_CLK_TCK")
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
    return total


if __name__ == "__main__":
    main()
