"""Snapshots of a disk under a mail system at full load: each is the disk of a machine whose power failed at that moment.

    with Gallery(folder, "ext4") as gallery:
        gallery.take(25)                       # while mail comes in
        for found in gallery.recover(): ...    # each mounted, started on, delivered, and compared with what was acknowledged before it
Recipe    the image lies on an xfs that shares blocks between copies (reflink), so that a copy is one act of milliseconds. What is in the
          image then is what the file system in it had written; what only its page cache knew is missing, as after a power cut
"""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tests.crash import ledger
from tests.crash.faults_disk import Disks
from tests.crash.ledger import Audit
from tests.crash.power import Town, letter_of, taken, work_off

_OUTER_MB = 3000
_SESSIONS = 8


@dataclass(frozen=True)
class Snapshot:
    image: Path
    acknowledged: frozenset[int]  # before it was begun
    sink_taken: int  # messages a server far away had taken when it was done
    took_s: float


class Gallery:
    """folder: for images and mounts. kind: of the file system that is snapshot."""

    def __init__(self, folder: Path, kind: str, *, broken: str = "") -> None:
        self._folder = folder
        self._kind = kind
        self._broken = broken
        self.snapshots: list[Snapshot] = []

    def __enter__(self) -> Gallery:
        self._outer = Disks(self._folder)
        try:
            shelf = self._outer.make("outer", "xfs", self._folder / "shelf", _OUTER_MB).where
            self._town = Town(self._folder, self._kind, is_apart=False, broken=self._broken, images=shelf)
            self._town.__enter__()
        except BaseException:
            self._outer.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._town.__exit__(None, None, None)
        finally:
            self._outer.__exit__(None, None, None)

    def take(self, count: int, chance: random.Random, *, is_quiet: bool = False) -> None:
        """So many snapshots of the coming seconds; then everybody is killed. is_quiet: a message now and then, and nobody delivers it:
        no later fsync makes up for one that was left out."""
        image = self._town.disks.all[0].image
        if is_quiet:
            self._town.plane.order("qmail-send", b"d")
        with self._town.load(sessions=1 if is_quiet else _SESSIONS, delay_s=0.1 if is_quiet else 0) as loader:
            self._town.wait_for(lambda: loader.acknowledged > 0)
            for number in range(count):
                time.sleep(chance.random() * 0.25)
                acknowledged = frozenset(self._town.ledger.acknowledged())
                begun = time.monotonic()
                copy = image.with_name(f"snapshot-{len(self.snapshots)}")
                subprocess.run(["cp", "--reflink=always", image, copy], check=True)
                took_s = time.monotonic() - begun
                self.snapshots.append(Snapshot(copy, acknowledged, len(self._town.sink.messages), took_s))
                assert not loader.refused, (number, loader.refused[:3])
            self._town.plane.kill()
        self._town.disks.all[0].unmount()

    def recover(self, drain_s: float) -> Iterator[Audit]:
        """Start on each snapshot in turn. Raises Stuck."""
        disk, sink, plane = self._town.disks.all[0], self._town.sink, self._town.plane
        original = disk.image
        try:
            for snapshot in self.snapshots:
                disk.image = snapshot.image
                before = len(sink.messages)
                disk.after_power_cut()
                plane.start()
                work_off(plane, drain_s)
                far = [*sink.messages[: snapshot.sink_taken], *sink.messages[before:]]
                yield ledger.audit(set(snapshot.acknowledged), [*plane.copies(), *taken(far)], letter_of)
                plane.kill()
                disk.unmount()
                snapshot.image.unlink()
        finally:
            plane.kill()
            disk.unmount()
            disk.image = original
