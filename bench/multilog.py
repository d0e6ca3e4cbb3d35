"""How many lines a second does multilog write through a pipe, beside the original?"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from bench import measure
from bench.measure import Series

LINES, RUNS = 400_000, 5
ORIGINAL = "/usr/bin/multilog"
HOME = Path(__file__).resolve().parent.parent
OURS = f"import sys; sys.path.insert(0, {str(HOME)!r}); from mta import runner; runner.run('multilog')"
SCRIPTS = {
    "with labels": ["t"],
    "plain": [],
    "with labels, 3 patterns": ["t", "-*", "+* delivery *: success: *", "+* status: *"],
}
LINE = "delivery {}: success: 192.0.2.7_accepted_message./Remote_host_said:_250_ok_{}/\n"


def main() -> None:
    programs = {"Tawny": [os.path.realpath(sys.executable), "-I", "-S", "-c", OURS]}
    if measure.beside(os.access(ORIGINAL, os.X_OK), "daemontools"):
        programs["daemontools"] = [ORIGINAL]
    series: dict[tuple[str, str], Series] = {}
    with measure.file_system(512) as disk:
        source = disk / "lines"
        source.write_text("".join(LINE.format(i, i * 7) for i in range(LINES)))
        size = source.stat().st_size
        for _ in range(RUNS):
            for what, script in SCRIPTS.items():
                for who, program in programs.items():
                    rate = LINES / seconds(program, script, source, disk / "log")
                    series.setdefault((who, what), Series(who, what, "lines/s")).runs.append(rate)
    measure.save(
        "multilog",
        "Lines written by multilog",
        list(series.values()),
        f"{LINES} lines, {size} octets, from cat through a pipe, files of 1000000, from the start of the program to its exit.",
    )


def seconds(program: list[str], script: list[str], source: Path, log: Path) -> float:
    """One run into an empty directory; every line must be there in the end."""
    shutil.rmtree(log, ignore_errors=True)
    begun = time.monotonic()
    with subprocess.Popen(["cat", source], stdout=subprocess.PIPE) as cat:
        subprocess.run([*program, *script, "s1000000", "n1000", str(log)], stdin=cat.stdout, check=True)
    taken = time.monotonic() - begun
    written = sum(path.read_bytes().count(b"\n") for path in log.iterdir())
    if written != LINES:
        sys.exit(f"bench: {written} lines of {LINES} were written")
    return taken
