"""A channel: what is to be delivered locally, or remotely; the pipe to its spawner, and the deliveries under way.

A job is one message on one channel during one pass over its recipients. Passes of one message on one channel never overlap: the message
goes back into the schedule when the last delivery of the pass has ended.
"""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from mta.decisions.verp import sender_for
from mta.formats import spawn
from mta.formats.recipients import Recipient
from mta.programs.qmail.qmail_send.schedule import Schedule


@dataclass(slots=True, eq=False)
class Job:
    messnum: int
    channel: Channel
    sender: bytes
    birth_s: int
    retry_s: int  # moment of the next pass, should this one leave something
    is_dying: bool  # the last pass: what it defers has failed
    to_start: deque[Recipient]
    left: int  # recipients not done yet, those under way included
    under_way: int = 0
    is_direct: bool = False  # delivered straight from todo/N: no info, local or remote file exists


@dataclass(slots=True, eq=False)
class Delivery:
    number: int
    job: Job
    recipient: Recipient


@dataclass(slots=True, eq=False)
class Channel:
    name: bytes  # b"local" or b"remote"
    fd_out: int
    fd_in: int
    limit: int
    wide: int = 1  # bytes of a slot (formats/spawn)
    schedule: Schedule = field(default_factory=Schedule)
    active: dict[int, Job] = field(default_factory=dict)
    starting: deque[Job] = field(default_factory=deque)  # jobs with recipients that have no slot yet
    running: dict[int, Delivery] = field(default_factory=dict)  # by slot
    is_alive: bool = True
    _free: list[int] = field(default_factory=list)
    _unsent: bytes = b""
    _buffer: bytes = b""

    def __post_init__(self) -> None:
        self._free = list(range(self.limit))
        heapify(self._free)
        os.set_blocking(self.fd_out, False)

    @property
    def has_room(self) -> bool:
        return bool(self._free) and self.is_alive

    @property
    def wants_to_write(self) -> bool:
        return bool(self._unsent) and self.is_alive

    def start(self, number: int, job: Job, recipient: Recipient) -> Delivery:
        """Hand one recipient to the spawner, in the lowest free slot. There must be room."""
        slot = heappop(self._free)
        delivery = self.running[slot] = Delivery(number, job, recipient)
        job.under_way += 1
        sender = sender_for(job.sender, recipient.address)
        name = b"%d/%d" % (job.messnum % 23, job.messnum)
        self._unsent += spawn.write_command(spawn.Command(slot, name, sender, recipient.address), self.wide)
        return delivery

    def finish(self, slot: int) -> Delivery | None:
        """A slot's delivery has ended; None when there was none."""
        delivery = self.running.pop(slot, None)
        if delivery is not None:
            delivery.job.under_way -= 1
            heappush(self._free, slot)
        return delivery

    def write(self) -> bool:
        """Send what is waiting. False: the spawner is gone."""
        try:
            self._unsent = self._unsent[os.write(self.fd_out, self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            return False
        return True

    def read(self) -> list[spawn.Report] | None:
        """Reports that came in, or None: the spawner is gone."""
        try:
            data = os.read(self.fd_in, 1 << 16)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not data:
            return None
        reports, self._buffer = spawn.read_reports(self._buffer + data, self.wide)
        # Only the beginning of a report is kept (qmail-send's REPORTMAX); the rest of an endless one is let go as it comes.
        if len(self._buffer) > 2 * spawn.REPORT_MAX:
            self._buffer = self._buffer[: spawn.REPORT_MAX]
        return reports
