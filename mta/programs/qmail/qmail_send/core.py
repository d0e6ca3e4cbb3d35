"""What the parts of qmail-send share, and the table of who does what.

todo        todo/N -> info/N, local/N, remote/N, or straight to a spawner                 S4 -> S5
passes      local/N, remote/N -> deliveries; reports -> marks, bounce/N, the next attempt
bounces     bounce/N -> a message to the sender
finish      nothing left to do -> nothing left on disk                                    S5 -> S1
cleanups    left-overs of crashed writers                                                 S2, S3 -> S1
jumps       the clock is set                                              every date moves along
files       which messages have which files, at start
leftovers   left-overs of finished messages, after a power cut                            mess/N is gone, something else is not -> S1
channel     questions and orders of the control plane
loop        waits, and gives each its turn
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from mta.programs.qmail.qmail_send.channels import Channel, Job
from mta.programs.qmail.qmail_send.clean import Clean
from mta.programs.qmail.qmail_send.controls import Controls
from mta.programs.qmail.qmail_send.say import Say
from mta.programs.qmail.qmail_send.schedule import Schedule
from mta.unix.disk import Disk
from mta.unix.queuedir import Paths

SYSFAIL_S = 123  # how long a failed file operation is left alone


@dataclass(frozen=True, slots=True)
class LastReport:
    """The latest word on a recipient that is still to do."""

    when_s: int
    text: bytes


@dataclass(slots=True, eq=False)
class Core:
    """The state of one qmail-send. Everything on disk goes through disk and paths, everything said through say."""

    home: bytes
    paths: Paths
    disk: Disk
    say: Say
    clean: Clean
    controls: Controls
    local: Channel
    remote: Channel
    done: Schedule = field(default_factory=Schedule)  # messages with nothing left to deliver
    failed_stats: Schedule = field(default_factory=Schedule)  # messages whose state could not be read at start
    direct: dict[int, Job] = field(default_factory=dict)  # delivered straight from todo/N
    removals: Schedule = field(default_factory=Schedule)  # of those, delivered, whose todo/N could not be removed
    bounced: set[int] = field(default_factory=set)  # messages whose bounce is queued, and whose bounce/N could not be removed
    last_reports: dict[int, dict[bytes, LastReport]] = field(default_factory=dict)  # by message and rewritten recipient
    written: set[int] | None = None  # numbers of messages with files in info/, local/, remote/ or bounce/; None: may be any
    now_s: int = 0  # of this turn: one for all of it, so that the clock cannot be set between two looks at it
    deliveries: int = 0  # numbers given out so far
    is_exiting: bool = False

    @property
    def channels(self) -> tuple[Channel, Channel]:
        return self.local, self.remote

    def channel(self, name: bytes) -> Channel:
        return self.local if name == b"local" else self.remote

    def all_due(self, now_s: int) -> None:
        """Every message, also one that waits because the disk refused something: who wants it so may just have made room."""
        for schedule in (self.local.schedule, self.remote.schedule, self.done, self.failed_stats, self.removals):
            schedule.all_due(now_s)

    def is_active(self, messnum: int) -> bool:
        """Is a delivery of this message under way, or about to be?"""
        return messnum in self.direct or any(messnum in c.active for c in self.channels)


def exists(core: Core, path: bytes) -> bool:
    """Raises OSError for any trouble but a missing file."""
    try:
        core.disk.stat(path)
    except FileNotFoundError:
        return False
    return True


def read_file(core: Core, path: bytes) -> tuple[bytes, int]:
    """-> (all bytes of a small queue file, its mtime). Raises OSError."""
    fd = core.disk.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        st = core.disk.fstat(fd)
        data = core.disk.read(fd, st.st_size + 1)
        while len(data) != st.st_size and (piece := core.disk.read(fd, 1 << 20)):  # it grows or shrinks: none of ours
            data += piece
        return data, int(st.st_mtime)
    finally:
        core.disk.close(fd)


def short(path: bytes) -> bytes:
    """A queue file as log lines name it: below the queue directory."""
    return path.removeprefix(b"./")
