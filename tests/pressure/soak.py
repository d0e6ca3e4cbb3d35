"""The soak: an appliance at six tenths of its peak for as long as one likes, looked at every few seconds, and judged by whether its last
third is as its first.

Peak      what it acknowledges and delivers of the same mixture when it is sent as fast as it is taken (soak_load), while people fetch their
          mail with POP3 (soak_reader) and forwards go to a server elsewhere
Sample    memory, descriptors and threads of every service and helper; messages waiting; disk usage of queue and logs; the time from the
          final dot to 250, and from there to the mailbox
Flat      the median of the last third against that of the first, the first tenth left out: TOLERANCES
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.conftest import ROOT
from tests.crash.faults_plane import BROKEN
from tests.pressure import census
from tests.pressure.plane import PressurePlane
from tests.pressure.probe import percentile

MAILBOXES = ("joe", "sue", "ann")
SHARE = 0.6
LEFT_OUT = 0.1
IMAGE_MB = 6144
WATCHED = ("smtpd", "submission", "queue-writer", "qmail-send", "qmail-lspawn", "qmail-rspawn", "pop3d", "vmaild")
Sample = dict[str, float]

BROKEN |= {
    "leaks": (
        "if __file__.endswith('/smtpd'):\n"
        "    import os\n"
        "    from mta.net.smtp.edge import Connection\n"
        "    made, kept = Connection.connection_made, []\n"
        "    def connection_made(self, transport):\n"
        "        made(self, transport)\n"
        "        kept.append((os.open('/dev/null', os.O_RDONLY), bytearray(50000)))\n"
        "    Connection.connection_made = connection_made\n"
    )
}


@dataclass(frozen=True)
class Tolerance:
    """By how much the last third may be above the first: a share of it, and so much on top."""

    share: float
    more: float

    def allows(self, first: float, last: float) -> bool:
        return last <= first * (1 + self.share) + self.more


def tolerance(name: str) -> Tolerance:
    if name.endswith("MiB"):
        return Tolerance(0.05, 1.0)
    if name == "queue-writer descriptors":  # one for each message of a batch
        return Tolerance(0.5, 30)
    if name.endswith("descriptors"):
        return Tolerance(0.05, 4)
    if name.endswith("threads"):
        return Tolerance(0, 1)
    if name == "waiting":
        return Tolerance(0.5, 50)
    if name == "queue kB":
        return Tolerance(0.5, 2000)
    return Tolerance(1.0, 50)  # milliseconds, on a machine that others use


@dataclass
class Outcome:
    peak_per_s: float
    rate_per_s: float
    seconds: float
    samples: list[Sample]
    acknowledged: int = 0
    failed: int = 0
    reader: tuple[float, ...] = ()
    logs_most_kb: int = 0
    harm: list[str] = field(default_factory=list)

    def thirds(self, name: str) -> tuple[float, float]:
        """Medians of the first third and of the last."""
        values = [sample[name] for sample in self.samples[int(len(self.samples) * LEFT_OUT) :] if name in sample]
        third = max(1, len(values) // 3)
        return statistics.median(values[:third]), statistics.median(values[-third:])

    @property
    def names(self) -> list[str]:
        return [name for name in dict.fromkeys(name for sample in self.samples for name in sample) if name not in NOT_JUDGED]

    def rows(self) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = []
        for name in self.names:
            first, last = self.thirds(name)
            allowed = tolerance(name)
            text = " + ".join([f"{allowed.share:.0%}"] * bool(allowed.share) + [f"{allowed.more:g}"])
            is_flat = "yes" if allowed.allows(first, last) else "**no**"
            rows.append({"what": name, "first third": f"{first:g}", "last third": f"{last:g}", "may grow by": text, "flat": is_flat})
        return rows

    def growing(self) -> list[str]:
        return [name for name in self.names if not tolerance(name).allows(*self.thirds(name))]

    def note(self) -> str:
        sessions, messages, broken, slowest_s = self.reader
        return (
            f"{self.seconds / 60:.0f} minutes at {self.rate_per_s:.0f} messages a second, {SHARE:.0%} of the {self.peak_per_s:.0f} that "
            f"were acknowledged and delivered a second at the peak: {self.acknowledged} acknowledged, {self.failed} not. "
            f"{sessions:.0f} POP3 sessions fetched and deleted {messages:.0f} messages, {broken:.0f} broke; the slowest login took "
            f"{slowest_s:.2f} s. Logs took {self.logs_most_kb // 1024} MiB at most. {len(self.samples)} samples."
        )


NOT_JUDGED = {"at s", "acknowledged", "failed", "acknowledged max ms", "logs kB"}


# -- the processes around it -------------------------------------------------------------------------------------------------------


@contextmanager
def helper(*words: object, says: IO[str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """A process of this package that goes on until its input ends."""
    command = [sys.executable, "-m", *map(str, words)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=says or subprocess.PIPE, text=True)
    assert process.stdin is not None
    try:
        yield process
    finally:
        process.stdin.close()
        process.wait(60)
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def disk(folder: Path) -> Iterator[Path]:
    """As root a new ext4 of our own below folder, whose guardian unmounts it if need be; else the folder itself."""
    if os.geteuid() != 0:
        yield folder
        return
    image, mount = folder / "soak.img", folder / "disk"
    with image.open("wb") as file:
        file.truncate(IMAGE_MB << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image], check=True)
    mount.mkdir()
    subprocess.run(["mount", "-o", "loop", image, mount], check=True)
    mount.chmod(0o755)
    try:
        yield mount
    finally:
        subprocess.run(["umount", mount], check=True)
        image.unlink()


# -- peak --------------------------------------------------------------------------------------------------------------------------


def peak(plane: PressurePlane, seconds: float) -> float:
    """Messages a second, acknowledged and delivered, of the load at full speed."""
    with helper("tests.pressure.soak_load", plane.smtp_port, plane.ports["SUBMISSION"], 0, seconds / 3) as load:
        assert load.stdout is not None
        load.stdout.readline()  # warming up
        begun = time.monotonic()
        counts = [json.loads(load.stdout.readline())["acknowledged"] for _ in range(2)]
        assert load.stdin is not None
        load.stdin.close()
        counts.append(json.loads(load.stdout.readline())["acknowledged"])
    plane.drain(300)
    return float(sum(counts)) / (time.monotonic() - begun)


# -- soak --------------------------------------------------------------------------------------------------------------------------


def look(plane: PressurePlane) -> Sample:
    uses = plane.uses()
    sample: Sample = {}
    for name in ("all", *WATCHED):
        if name in uses:
            sample[f"{name} MiB"] = uses[name].mib
    for name in WATCHED:
        if name in uses:
            sample[f"{name} descriptors"] = uses[name].descriptors
    sample["threads"] = sum(uses[name].threads for name in WATCHED if name in uses)
    sample["waiting"] = len(plane.waiting())
    sample["queue kB"] = census.disk_kb(plane.queue)
    sample["logs kB"] = sum(census.disk_kb(plane.home / "service" / s.name / "log/main") for s in plane.table)
    return sample


def way(plane: PressurePlane, mailbox: str = "joe", newest: int = 200) -> dict[str, float]:
    """How long the newest messages of a mailbox took from being sent to being there."""
    took = []
    folder = plane.maildir(mailbox) / "new"
    for name in sorted(os.listdir(folder))[-newest:]:
        try:
            with (folder / name).open("rb") as file:
                head = file.read(2048)
                there_s = os.fstat(file.fileno()).st_ctime
        except FileNotFoundError:  # its reader has seen it
            continue
        _, mark, rest = head.partition(b"\nX-Sent: ")
        if mark:
            took.append(max(0.0, there_s - float(rest.partition(b"\n")[0])))
    if not took:
        return {}
    return {"delivered p50 ms": round(percentile(took, 50) * 1000, 1), "delivered p99 ms": round(percentile(took, 99) * 1000, 1)}


def run(plane: PressurePlane, seconds: float, every_s: float, peak_s: float, tell: Callable[[str], None] = print) -> Outcome:
    """plane: started. Its home lies on a disk that has room for what two seconds of people's not looking leave."""
    alive = plane.living()
    with ExitStack() as stack:
        told = stack.enter_context((plane.home.parent / "reader").open("w+"))
        with helper("tests.pressure.soak_reader", plane.pop3_port, *MAILBOXES, says=told):
            top = peak(plane, peak_s)
            outcome = Outcome(top, top * SHARE, seconds, [])
            tell(f"peak {top:.0f} messages a second")
            _sample(plane, outcome, every_s, tell)
            plane.drain(120)
        told.seek(0)
        outcome.reader = tuple(map(float, told.read().split()))
    outcome.harm = plane.harm(alive)
    outcome.logs_most_kb = max(int(sample["logs kB"]) for sample in outcome.samples)
    return outcome


def _sample(plane: PressurePlane, outcome: Outcome, every_s: float, tell: Callable[[str], None]) -> None:
    words = ("tests.pressure.soak_load", plane.smtp_port, plane.ports["SUBMISSION"], outcome.rate_per_s, every_s)
    begun = time.monotonic()
    with helper(*words) as load:
        assert load.stdout is not None
        while time.monotonic() - begun < outcome.seconds:
            row = json.loads(load.stdout.readline())
            outcome.acknowledged += int(row["acknowledged"])
            outcome.failed += int(row["failed"])
            sample = {"at s": round(time.monotonic() - begun, 1), **look(plane), **row, **way(plane)}
            outcome.samples.append(sample)
            tell(json.dumps(sample))
