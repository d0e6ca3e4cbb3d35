"""What one message needs in a batch: its Maildir deliveries staged, its forwards noted. What a batch cannot do gets a process of its own.

Process  a command (but our own vdelivermail), an mbox, a large message, many Maildirs, a forward while no queue writer listens,
         QMAILQUEUE names a program or bin/qmail-queue is not ours: whatever may take long or needs a working directory
Failure  a line that fails ends the message's instructions; what stands above it is done, as when they are followed one by one
Source   qmail-local.c main
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from mta.decisions import deliver_lines
from mta.decisions import vdelivermail as decide_v
from mta.errors import MailError
from mta.formats import maildirname, traceline
from mta.formats.dotqmail import Kind, Line
from mta.formats.local_job import Job
from mta.programs.qmail.qmail_local import oneshot
from mta.programs.qmail.qmail_local.instructions import Finder
from mta.programs.qmail.qmail_local.oneshot import Counts
from mta.unix import maildir, mess, queue_call, vdeliver
from mta.unix.disk import REAL, Disk
from mta.unix.forward import Forward
from mta.unix.maildir import Deliverer
from mta.unix.maildir_parts import Delivery
from mta.unix.mess import Message
from mta.unix.queue_line import QueueLine
from mta.unix.vdomain import Domains
from mta.unix.vmailbox import Stager

LARGE = 1 << 20  # octets of a message from which it would make the others wait
FORWARD_MAX = 1 << 16  # octets of a message that the queue writer takes without being waited for
MAILDIRS_MAX = 16
_SMALL = 1 << 16  # octets of a message that is read once and kept for its batch


class NeedsProcess(Exception):
    """Not in a batch."""


@dataclass(slots=True)
class Work:
    """One job of a batch. failure: what its instructions came to before the batch was committed."""

    job: Job
    fd: int
    source: Message
    counts: Counts = field(default_factory=Counts)
    deliveries: list[Delivery] = field(default_factory=list)
    forwards: list[Forward] = field(default_factory=list)
    failure: MailError | None = None

    def outcome(self) -> MailError | None:
        """After the commit: what went wrong first, if anything."""
        return next((d.failure for d in self.deliveries if d.failure is not None), self.failure)


class Preparer:
    """Prepares works; commit() all of them together. Files with instructions are read once for all works of a batch."""

    def __init__(self, env: Mapping[bytes, bytes], line: QueueLine, disk: Disk = REAL) -> None:
        self._home = env[b"QMAIL_HOME"]
        self._has_program = b"QMAILQUEUE" in env
        self._line = line
        self._vdelivermail = oneshot.own_vdelivermail(self._home)
        host = maildir.host_name()
        self._deliverer = Deliverer(host, disk)
        self._finder = Finder()
        self._domains = Domains(self._home)
        self._mailboxes = vdeliver.Finder(self._domains)
        self._stager = Stager(self._domains, self._deliverer, host)

    def prepare(self, job: Job, fd: int) -> Work:
        """fd: the message. Raises NeedsProcess; nothing has been done then."""
        try:
            source = mess.message(fd, is_suspected=job.is_suspected)
            if source.size_bytes <= _SMALL:
                source = mess.with_data(source)
        except MailError as error:
            return Work(job, fd, Message(fd, 0, 0, 0, False), failure=error)
        if source.size_bytes > LARGE:
            raise NeedsProcess
        work = Work(job, fd, source)
        try:
            self._follow(work)
        except MailError as error:
            work.failure = error
        except NeedsProcess:
            self._stager.abandon(work.deliveries)
            raise
        return work

    def _follow(self, work: Work) -> None:
        address, source = work.job.address, work.source
        found = self._finder.find(address, source)
        self._check_kinds(found.lines)
        dtline = traceline.delivered_to(address.recipient)
        recipients: list[bytes] = []
        for line in deliver_lines.steps(found.lines, is_forward_only=found.is_forward_only):
            work.counts.add(line)
            if line.kind is Kind.MAILDIR:
                self._maildir(work, line, traceline.return_path(address.sender) + dtline)
            elif line.kind is Kind.FORWARD:
                recipients.append(line.text)
            else:
                self._virtual(work, line, found.new_sender)
        if recipients:
            self._forward(work, Forward(dtline, found.new_sender, recipients))

    def _check_kinds(self, lines: list[Line]) -> None:
        if sum(line.kind is Kind.MAILDIR for line in lines) > MAILDIRS_MAX:
            raise NeedsProcess
        for line in lines:
            if line.kind is Kind.MBOX or (line.kind is Kind.PROGRAM and self._instruction(line) is None):
                raise NeedsProcess

    def _instruction(self, line: Line) -> bytes | None:
        return None if self._vdelivermail is None else decide_v.instruction(line.text, self._vdelivermail)

    def _maildir(self, work: Work, line: Line, head: bytes) -> None:
        address = work.job.address
        recipient = maildirname.recipient_number(address.recipient, line.number)
        path = os.path.join(address.home, line.text)
        work.deliveries.append(self._deliverer.stage(path, work.source, head, recipient, work.deliveries[-1] if work.deliveries else None))

    def _virtual(self, work: Work, line: Line, new_sender: bytes) -> None:
        """A line that runs vdelivermail."""
        instruction = self._instruction(line)
        assert instruction is not None
        request = oneshot.virtual(work.job.address, instruction, new_sender)
        mailbox = self._mailboxes.find(request, work.source)
        if mailbox is None:
            return
        if sum(line.kind is Kind.MAILDIR for line in mailbox.lines) > MAILDIRS_MAX:
            raise NeedsProcess
        if any(line.kind is Kind.PROGRAM for line in mailbox.lines):
            raise NeedsProcess
        recipients: list[bytes] = []
        for step in decide_v.steps(mailbox.lines):
            if step.kind is Kind.FORWARD:
                recipients.append(step.text)
            else:
                after = work.deliveries[-1] if work.deliveries else None
                work.deliveries.append(self._stager.stage(mailbox, step, work.source, request.return_path, after))
        if recipients:
            self._forward(work, Forward(traceline.delivered_to(mailbox.address), new_sender, recipients))

    def _forward(self, work: Work, forward: Forward) -> None:
        has_program = self._has_program or queue_call.replacement(self._home) is not None
        if has_program or work.source.size_bytes > FORWARD_MAX or not self._line.is_open():
            raise NeedsProcess
        work.forwards.append(forward)

    def commit(self, works: list[Work]) -> None:
        """See each one's outcome()."""
        self._finder.forget()
        self._mailboxes.forget()
        self._stager.commit([delivery for work in works for delivery in work.deliveries])
