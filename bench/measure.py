"""What the benchmarks share: a fresh journaled file system, runs in turn, medians, and results that say where they come from."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from deploy import probe
from deploy.services import Service

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
SCRATCH = Path(os.environ.get("BENCH_SCRATCH", HERE / "scratch"))


@contextmanager
def file_system(size_mb: int = 3072, *, inodes: int = 0) -> Iterator[Path]:
    """A new ext4 with its journal, on a loop device: one that has seen thousands of unlinks is slow for minutes."""
    if os.geteuid() != 0:
        sys.exit("bench: root is needed, to mount a fresh file system and to give every process its own user")
    SCRATCH.mkdir(exist_ok=True)
    image, mount = SCRATCH / "disk.img", SCRATCH / "disk"
    with image.open("wb") as file:
        file.truncate(size_mb << 20)
    words = ["-N", str(inodes)] if inodes else []
    subprocess.run(["mkfs.ext4", "-q", "-F", *words, "-E", "lazy_itable_init=0,lazy_journal_init=0", image], check=True)
    mount.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop", image, mount], check=True)
    try:
        mount.chmod(0o755)
        yield mount
    finally:
        subprocess.run(["umount", mount], check=True)
        image.unlink()


class Contestant(Protocol):
    name: str

    def start(self) -> None: ...

    def stop(self) -> None: ...


@contextmanager
def running(contestants: Sequence[Contestant]) -> Iterator[None]:
    """All of them, and none of them afterwards, whatever happens: one that goes on would spoil the next figures."""
    with ExitStack() as stack:
        for peer in contestants:
            stack.callback(peer.stop)
            peer.start()
        yield


def beside(is_there: bool, package: str) -> bool:
    """Can a peer be measured, too? If not, why, in a sentence."""
    if not is_there:
        print(f"bench: {package} is not installed, so there is nothing to compare with (as root, deploy/bench-packages installs the peers)")
    return is_there


def cpu_s() -> float:
    """Seconds all processors of this machine have worked so far, load generator included."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq = map(int, words[:7])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def wait_until(is_so: Callable[[], bool], patience_s: float = 300, every_s: float = 0.002) -> float:
    """-> the moment it came true. every_s: a look that costs something must not become part of what is measured."""
    deadline = time.monotonic() + patience_s
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError("the peer does not come to an end")
        time.sleep(every_s)
    return time.monotonic()


class Log:
    """What a log says from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = path.stat().st_size
        self.data = b""

    def read(self) -> bytes:
        """What is new, and what came just before."""
        with self._path.open("rb") as file:
            file.seek(self._at)
            new = file.read()
        before, self.data, self._at = self.data[-100:], self.data + new, self._at + len(new)
        return before + new


def pss_mib(pid: int) -> float:
    """Memory of a process, with its share of what it has in common with others; 0 when it has just ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def answers(what: str) -> bool:
    """what: as in deploy/services.py, "tcp:HOST:PORT GREETING" or "unix:PATH"."""
    return probe.answers(Service("", "", (), answers=what))


@dataclass
class Series:
    """Figures of one contestant for one question, run by run."""

    who: str
    what: str
    unit: str
    runs: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.runs)


def save(name: str, question: str, series: list[Series], notes: str) -> None:
    """results/NAME.json, replacing the last one."""
    RESULTS.mkdir(exist_ok=True)
    data = {
        "question": question,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "commit": _commit(),
        "machine": machine(),
        "notes": notes,
        "series": [{**asdict(s), "median": round(s.median, 3), "min": min(s.runs), "max": max(s.runs)} for s in series],
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(data, indent=1) + "\n")
    for s in series:
        print(
            f"{name}: {s.who:10} {s.what:32} median {s.median:9.1f} {s.unit}  ({min(s.runs):.1f} to {max(s.runs):.1f}, {len(s.runs)} runs)"
        )


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=HERE, check=False)
    return done.stdout.strip()


def machine() -> str:
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), ""
    )
    memory_gb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    kernel, python = platform.release(), platform.python_version()
    return f"{os.cpu_count()} x {model}, {memory_gb:.0f} GB, Linux {kernel}, Python {python}, ext4 on a loop device"
