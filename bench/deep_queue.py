"""What does a queue of 100 000 messages cost: how long until the first delivery after a start of qmail-send, how much memory, and how much
of the speed of fresh mail?

The messages were preprocessed (S5) and each waits for its next attempt, some hours from now, to one of 1000 remote hosts; they are made as
files, as qmail-send would have left them. A start is measured with one fresh message in todo/, from exec to the line of the log that says
it is being delivered; cold: with an empty page cache. Fresh mail goes to this instance and to one with an empty queue in turn.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench import load, measure
from bench.measure import Log, Series, wait_until
from bench.peers.tawny import Tawny
from mta.formats import info, recipients
from mta.unix import accounts
from mta.unix.accounts import Account
from mta.unix.queuedir import SPLIT, Paths

MESSAGES, RUNS, FRESH, SIZE = 100_000, 5, 4000, 2000
Note = Callable[[str, str, float], None]


class Deep(Tawny):
    """Takes mail from the start, and delivers it when it is told to."""

    def start(self) -> None:
        self.prepare()
        fill(self.home / "queue")
        self.receive()


def main() -> None:
    found: dict[str, Series] = {}

    def note(what: str, unit: str, figure: float) -> None:
        found.setdefault(what, Series("Tawny", what, unit)).runs.append(figure)

    with measure.file_system(8192, inodes=500_000) as disk:
        (disk / "deep").mkdir()
        (disk / "empty").mkdir()
        deep, empty = Deep(disk / "deep", 26001), Tawny(disk / "empty", 26002)
        with measure.running([deep, empty]):
            for _ in range(RUNS):
                _run(deep, empty, note)
            left = sum(len(os.listdir(deep.home / f"queue/info/{i}")) for i in range(SPLIT))
            if left != MESSAGES:
                sys.exit(f"bench: {left} messages of {MESSAGES} are left")
    measure.save(
        "deep_queue",
        f"A queue of {MESSAGES} messages",
        list(found.values()),
        f"{MESSAGES} messages that wait for their next attempt. Fresh mail: smtp-source, {load.SESSIONS} sessions, connections kept, "
        f"{FRESH} messages of {load.SIZE} octets a run. Cold: empty page cache.",
    )


def _run(deep: Deep, empty: Tawny, note: Note) -> None:
    for how in ("cold", "warm"):
        sender, taken = _first_delivery(deep, is_cold=how == "cold")
        note(f"start to first delivery, {how}", "s", taken)
        if how == "cold":
            _stop(sender)
    note("memory of qmail-send after its start (PSS)", "MiB", measure.pss_mib(sender.pid))
    for peer, what in ((deep, f"{MESSAGES} waiting"), (empty, "empty queue")):
        note(f"fresh mail delivered, {what}", "msg/s", load.run(peer, FRESH, keeps=True)[1])
    note("memory of qmail-send afterwards (PSS)", "MiB", measure.pss_mib(sender.pid))
    note("stop", "s", _stop(sender))


def _first_delivery(deep: Deep, *, is_cold: bool) -> tuple[subprocess.Popen[bytes], float]:
    """-> (qmail-send, seconds)"""
    load.send(deep, 1, keeps=False)
    subprocess.run(["sync"], check=True)
    if is_cold:
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
    log = Log(deep.log)
    begun = time.monotonic()
    sender = deep.deliver()
    return sender, wait_until(lambda: b"starting delivery 1: " in log.read()) - begun


def _stop(sender: subprocess.Popen[bytes]) -> float:
    begun = time.monotonic()
    sender.send_signal(signal.SIGTERM)
    sender.wait(60)
    return time.monotonic() - begun


def fill(queue: Path) -> None:
    """MESSAGES in S5, each with a recipient that is due later."""
    paths = Paths(os.fsencode(queue))
    dice, now_s = random.Random(1), int(time.time())
    writer, sender = accounts.lookup("qmailq"), accounts.lookup("qmails")
    text = b"Received: (qmail 1 invoked from network); 1 Jan 2026 00:00:00 -0000\nSubject: later\n\n" + b"x" * (SIZE - 90) + b"\n"
    for number in range(MESSAGES):
        messnum = _message(paths, text, writer)
        birth_s = now_s - dice.randrange(3600)
        _file(paths.info(messnum), info.write(b"ada%d@example.org" % (number % 50)), sender, birth_s)
        recipient = recipients.write([b"u%d@h%d.slow.example" % (number, number % 1000)])
        _file(paths.channel(b"remote", messnum), recipient, sender, now_s + dice.randrange(4 * 3600, 24 * 3600))
    subprocess.run(["sync"], check=True)


def _message(paths: Paths, text: bytes, owner: Account) -> int:
    """mess/H/N, N being its inode -> N."""
    new = paths.folder(b"mess/new")
    _file(new, text, owner, int(time.time()), 0o644)
    messnum = os.stat(new).st_ino
    os.rename(new, paths.mess(messnum))
    return messnum


def _file(path: bytes, data: bytes, owner: Account, mtime_s: int, mode: int = 0o600) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    os.write(fd, data)
    os.fchown(fd, owner.uid, owner.gid)
    os.fchmod(fd, mode)
    os.close(fd)
    os.utime(path, (time.time(), mtime_s))


if __name__ == "__main__":
    main()
