"""Passes: a message that is due is taken recipient by recipient to its channel's spawner; the reports decide what becomes of each.

K  done: mark it, or when it was the last one, remove the channel's file
D  failed: a paragraph in bounce/N first, then the same
Z  later: stays as it is; the message's next attempt was fixed when the pass began. On the last pass Z is D.
Crash    a mark that did not reach the disk repeats one delivery.
Source   qmail-send.c pass_do, del_start, del_dochan, job_close
"""

from __future__ import annotations

import os
from collections import deque

from mta.decisions import retry
from mta.errors import DONE, PERMANENT, TEMPORARY
from mta.formats import info, qmaillog, recipients
from mta.formats.bounce import TOO_LONG_IN_QUEUE
from mta.formats.recipients import Recipient
from mta.formats.spawn import Report
from mta.programs.qmail.qmail_send import bounces, files, leftovers
from mta.programs.qmail.qmail_send.channels import Channel, Delivery, Job
from mta.programs.qmail.qmail_send.core import SYSFAIL_S, Core, LastReport, read_file, short
from mta.programs.qmail.qmail_send.files import Files
from mta.programs.qmail.qmail_send.todo import Arrival, TodoDir


class Passes:
    def __init__(self, core: Core) -> None:
        self._core = core
        self.todo: TodoDir | None = None  # set once both exist: a direct delivery that did not succeed is preprocessed after all

    # -- starting ------------------------------------------------------------------------------------------------------------------

    def has_work(self, now_s: int) -> bool:
        return any(c.has_room and (c.starting or _is_due(c, now_s)) for c in self._core.channels)

    def step(self, now_s: int) -> None:
        """Fill the free slots of both channels."""
        for channel in self._core.channels:
            while channel.has_room:
                if not channel.starting and not self._open_next(channel, now_s):
                    break
                if channel.starting:
                    job = channel.starting[0]
                    self._start(channel, job, job.to_start.popleft())
                    if not job.to_start:
                        channel.starting.popleft()

    def _open_next(self, channel: Channel, now_s: int) -> bool:
        """Begin the pass of the next message that is due. False: none is."""
        messnum = channel.schedule.pop(now_s)
        if messnum is None:
            return False
        job = self._open(channel, messnum, now_s)
        if job is None:
            channel.schedule.add(messnum, now_s + SYSFAIL_S)
        elif job.to_start:
            channel.active[messnum] = job
            channel.starting.append(job)
        else:
            self._close(job, now_s)
        return True

    def _open(self, channel: Channel, messnum: int, now_s: int) -> Job | None:
        core = self._core
        path = core.paths.info(messnum)
        try:
            data, birth_s = read_file(core, path)
            sender = info.read(data)
            path = core.paths.channel(channel.name, messnum)
            data, _ = read_file(core, path)
        except (OSError, ValueError):
            core.say.warning(b"trouble opening %b; will try again later" % short(path))
            return None
        try:
            waiting = self._waiting(channel, messnum, recipients.read(data))
        except ValueError:
            core.say.warning(b"unknown record type in %b!" % short(path))
            return None
        except OSError:
            core.say.warning(b"trouble reading %b; will try again later" % short(core.paths.bounce(messnum)))
            return None
        return Job(
            messnum=messnum,
            channel=channel,
            sender=sender,
            birth_s=birth_s,
            retry_s=retry.next_retry(birth_s, now_s, channel.name),
            is_dying=retry.is_dying(birth_s, now_s, core.controls.queuelifetime_s),
            to_start=deque(waiting),
            left=len(waiting),
        )

    def _waiting(self, channel: Channel, messnum: int, listed: list[Recipient]) -> list[Recipient]:
        """Those that are to be delivered. What bounce/N tells of already is marked on the way. Raises OSError."""
        told = bounces.told(self._core, messnum, listed)
        for recipient in told:
            self._mark(channel, messnum, recipient)
        return [r for r in listed if not r.is_done and r not in told]

    def _start(self, channel: Channel, job: Job, recipient: Recipient) -> None:
        core = self._core
        core.deliveries += 1
        delivery = channel.start(core.deliveries, job, recipient)
        core.say(qmaillog.starting(delivery.number, job.messnum, channel.name, recipient.address))
        self.say_status()

    def say_status(self) -> None:
        local, remote = self._core.channels
        self._core.say(qmaillog.status(len(local.running), local.limit, len(remote.running), remote.limit, self._core.is_exiting))

    def deliver_directly(self, arrival: Arrival, now_s: int) -> bool:
        """A new message with one recipient, straight from todo/N. False: no room now."""
        core = self._core
        channel = core.local if arrival.local else core.remote
        if not channel.has_room or channel.starting or core.is_exiting:
            return False
        (address,) = arrival.local + arrival.remote
        job = Job(
            messnum=arrival.messnum,
            channel=channel,
            sender=arrival.sender,
            birth_s=now_s,
            retry_s=retry.next_retry(now_s, now_s, channel.name),
            is_dying=False,
            to_start=deque(),
            left=1,
            is_direct=True,
        )
        core.direct[arrival.messnum] = job
        self._start(channel, job, Recipient(0, False, address))
        return True

    # -- reports -------------------------------------------------------------------------------------------------------------------

    def report(self, channel: Channel, report: Report, now_s: int) -> None:
        core = self._core
        delivery = channel.finish(report.slot)
        if delivery is None:
            core.say.warning(b"internal error: delivery report out of range")
            return
        letter, text = self._read(delivery, report)
        if delivery.job.is_direct:
            self._settle_direct(delivery, letter, text, now_s)
        else:
            self._settle(delivery.job, delivery.recipient, letter, text, now_s)
        self.say_status()

    def _read(self, delivery: Delivery, report: Report) -> tuple[bytes, bytes]:
        """Log the report -> (letter, text) as they count."""
        letter, text = report.letter, report.text
        if letter not in qmaillog.OUTCOMES:
            self._core.say(qmaillog.mangled(delivery.number))
            return TEMPORARY, b""
        if letter == TEMPORARY and delivery.job.is_dying:
            letter, text = PERMANENT, text + TOO_LONG_IN_QUEUE
        self._core.say(qmaillog.delivery(delivery.number, letter, text))
        return letter, text

    def _settle(self, job: Job, recipient: Recipient, letter: bytes, text: bytes, now_s: int) -> None:
        core = self._core
        if letter == PERMANENT and not bounces.append(core, job.messnum, recipient.address, text):
            letter = TEMPORARY
        if letter == TEMPORARY:
            core.last_reports.setdefault(job.messnum, {})[recipient.address] = LastReport(now_s, text)
        else:
            job.left -= 1
            if job.left:  # the last one needs no mark: its file goes
                self._mark(job.channel, job.messnum, recipient)
        if not job.under_way and not job.to_start:
            self._close(job, now_s, last=recipient if letter != TEMPORARY else None)

    def _mark(self, channel: Channel, messnum: int, recipient: Recipient) -> None:
        core = self._core
        path = core.paths.channel(channel.name, messnum)
        try:
            fd = core.disk.open(path, os.O_WRONLY)
            try:
                core.disk.pwrite(fd, recipients.DONE, recipient.offset)
            finally:
                core.disk.close(fd)
        except OSError:
            core.say.warning(b"trouble marking %b; message will be delivered twice!" % short(path))

    def _close(self, job: Job, now_s: int, last: Recipient | None = None) -> None:
        """The pass is over. last: the recipient whose mark was left out because the file goes."""
        core, channel = self._core, job.channel
        channel.active.pop(job.messnum, None)
        if job.left:
            channel.schedule.add(job.messnum, job.retry_s)
            return
        path = core.paths.channel(channel.name, job.messnum)
        try:
            core.disk.unlink(path)
        except FileNotFoundError:
            pass
        except OSError:
            core.say.warning(b"unable to unlink %b; will try again later" % short(path))
            if last is not None:
                self._mark(channel, job.messnum, last)
            channel.schedule.add(job.messnum, now_s + SYSFAIL_S)
            return
        other = core.remote if channel is core.local else core.local
        if job.messnum not in other.active and job.messnum not in other.schedule.due:
            core.done.add(job.messnum, now_s)

    # -- direct deliveries ---------------------------------------------------------------------------------------------------------

    def _settle_direct(self, delivery: Delivery, letter: bytes, text: bytes, now_s: int) -> None:
        """Delivered: the message ends here. Else it becomes an ordinary one first, and then has this report."""
        core, job = self._core, delivery.job
        assert self.todo is not None
        if letter == DONE:
            self._remove_direct(job.messnum, now_s)
            return
        address = (delivery.recipient.address,)
        is_local = job.channel is core.local
        arrival = Arrival(job.messnum, job.sender, address if is_local else (), () if is_local else address)
        self.todo.preprocess([arrival], now_s, lambda _, ok: self._now_ordinary(delivery, letter, text, now_s, ok))

    def _remove_direct(self, messnum: int, now_s: int) -> None:
        assert self.todo is not None
        looks = self.todo.looks
        self._core.clean.finish(messnum, lambda ok: self._direct_done(messnum, ok, looks, now_s))

    def remove_again(self, now_s: int) -> None:
        """One message that is delivered and still lies in todo/. As long as we live it is not delivered again."""
        messnum = self._core.removals.pop(now_s)
        if messnum is not None:
            self._remove_direct(messnum, now_s)

    def _direct_done(self, messnum: int, ok: bool, looks: int, now_s: int) -> None:
        """todo/N is gone (S2), and so is mess/N (S1). looks: at todo/ when its removal was asked for. Who looked since may have taken a new
        message of the same number for this one."""
        if not ok:
            self._core.removals.add(messnum, now_s + SYSFAIL_S)
            return
        self._forget_direct(messnum)
        self._core.say(qmaillog.end_msg(messnum))
        assert self.todo is not None
        if self.todo.looks != looks:
            self.todo.look_for(messnum)

    def _forget_direct(self, messnum: int) -> None:
        self._core.direct.pop(messnum, None)

    def _now_ordinary(self, delivery: Delivery, letter: bytes, text: bytes, now_s: int, ok: bool) -> None:
        job = delivery.job
        self._forget_direct(job.messnum)
        if not ok:
            assert self.todo is not None
            self.todo.again_later(now_s)
            return
        job.is_direct = False
        self._settle(job, delivery.recipient, letter, text, now_s)

    # -- start of the program ------------------------------------------------------------------------------------------------------

    def adopt(self, messnum: int, now_s: int, known: Files | None = None) -> None:
        """A message found in info/ at start: due when its files say, done if it has none. Under a clock that was set back since, they may
        say what no attempt would have led to. known: of all messages, if they have been listed."""
        core = self._core
        found = False
        try:
            there = files.of(core, messnum) if known is None else known
            if messnum in there.todo or (messnum not in there.mess and leftovers.of_info(core, messnum)):
                return
            birth_s = int(core.disk.stat(core.paths.info(messnum)).st_mtime)
            for channel in core.channels:
                if messnum not in there.channels[channel.name]:
                    continue
                path = core.paths.channel(channel.name, messnum)
                try:
                    due_s = int(core.disk.stat(path).st_mtime)
                    channel.schedule.add(messnum, min(due_s, retry.next_retry(birth_s, now_s, channel.name)))
                    found = True
                except FileNotFoundError:
                    continue
        except FileNotFoundError:  # info/N: it has ended meanwhile
            return
        except OSError:
            core.say.warning(b"unable to stat %b; will try again later" % short(core.paths.info(messnum)))
            core.failed_stats.add(messnum, now_s + SYSFAIL_S)
            return
        if not found:
            core.done.add(messnum, now_s)


def _is_due(channel: Channel, now_s: int) -> bool:
    due_s = channel.schedule.next_due()
    return due_s is not None and due_s <= now_s
