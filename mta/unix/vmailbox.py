"""Put messages into virtual mailboxes: quota, directories made when missing, a warning when the mailbox is nearly full.

Quota     room is noted in maildirsize when a message is staged, and given back when it was not delivered after all, or had been before.
          A Maildir of somebody else's, named in a .qmail file, has the quota that its own maildirsize names.
Missing   the mailbox's own Maildir is made, 0700, with the directories above it as far as they are the domain's
Warning   at 90 % a copy of .quotawarn.msg, at most once in 24 hours; Maildir/quotawarn is as old as the last one
Source    vpopmail vdelivermail.c, maildirquota.c
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass

from mta.decisions import quota as decide_quota
from mta.decisions import vdelivermail as decide
from mta.errors import Permanent, Temporary
from mta.formats import date822, maildirname, traceline
from mta.formats.dotqmail import Line
from mta.formats.maildirsize import Quota, Usage
from mta.unix import clock, maildirquota, vdomain
from mta.unix.disk import REAL
from mta.unix.maildir import Deliverer
from mta.unix.maildir_parts import NO_MAILDIR, TROUBLE, Delivery
from mta.unix.mess import Message
from mta.unix.vdomain import Domains, Mailbox

STAMP = b"quotawarn"


@dataclass(frozen=True, slots=True)
class _Reservation:
    delivery: Delivery
    root: bytes
    size_bytes: int


class Stager:
    """Stages deliveries with a Deliverer of its own; commit() them together."""

    def __init__(self, domains: Domains, deliverer: Deliverer, host: bytes) -> None:
        self._domains = domains
        self._deliverer = deliverer
        self._host = host
        self._reserved: list[_Reservation] = []
        self._pending: dict[bytes, Usage] = {}
        self._warnings: list[Delivery] = []
        self._roots: dict[bytes, bytes] = {}
        self._unkept: set[bytes] = set()  # roots without limit and without maildirsize
        self._serial = 0

    def stage(self, mailbox: Mailbox, line: Line, source: Message, head: bytes, after: Delivery | None = None) -> Delivery:
        """line: a MAILDIR; head: the Return-Path line, Delivered-To is added. Raises Permanent when it does not fit, Temporary."""
        path = os.path.normpath(os.path.join(mailbox.dir, line.text))
        head += traceline.delivered_to(mailbox.address)
        recipient = maildirname.recipient_number(mailbox.address, line.number)
        try:
            return self._stage(mailbox, path, source, head, recipient, after)
        except _Missing as missing:
            if path != mailbox.maildir or mailbox.quota is None:
                raise Temporary(NO_MAILDIR) from missing
        _make(mailbox)
        try:
            return self._stage(mailbox, path, source, head, recipient, after)
        except _Missing as missing:
            raise Temporary(NO_MAILDIR) from missing

    def _stage(self, mailbox: Mailbox, path: bytes, source: Message, head: bytes, recipient: int, after: Delivery | None) -> Delivery:
        root = self._roots.get(path)
        if root is None:
            root = self._roots[path] = maildirquota.root(path)
        size_bytes = len(head) + source.size_bytes
        percent = self._reserve(mailbox, root, size_bytes)
        try:
            delivery = self._deliverer.stage(path, source, head, recipient, after)
        except Temporary as error:
            maildirquota.change(root, -size_bytes, -1)
            if error.text == NO_MAILDIR:
                raise _Missing from error
            raise
        self._note(delivery, root, size_bytes)
        if root == mailbox.maildir and percent is not None and percent >= decide_quota.WARN_PERCENT:
            self._warn(mailbox, percent)
        return delivery

    def _reserve(self, mailbox: Mailbox, root: bytes, size_bytes: int) -> int | None:
        """-> how full it is then, in percent; None: without a limit. Raises Permanent, Temporary, _Missing."""
        if root in self._unkept:
            return None
        try:
            quota = mailbox.quota if root == mailbox.maildir and mailbox.quota is not None else _quota_of(root)
            usage = maildirquota.reserve(root, quota, size_bytes, clock.now_s(), self._pending.get(root, maildirquota.NOTHING))
        except FileNotFoundError as error:
            raise _Missing from error
        except OSError as error:
            raise Temporary(TROUBLE, str(error)) from error
        if usage is None:
            raise Permanent(self._domains.text(mailbox.domain, vdomain.OVER_QUOTA) or decide.OVER_QUOTA)
        if usage is maildirquota.NOTHING:
            self._unkept.add(root)
        return decide_quota.percent(quota, usage)

    def _note(self, delivery: Delivery, root: bytes, size_bytes: int) -> None:
        before = self._pending.get(root, maildirquota.NOTHING)
        self._pending[root] = Usage(before.size_bytes + size_bytes, before.messages + 1)
        self._reserved.append(_Reservation(delivery, root, size_bytes))

    def _warn(self, mailbox: Mailbox, percent: int) -> None:
        """A courtesy: whatever goes wrong with it, the message is delivered."""
        now_s = clock.now_s()
        stamp = os.path.join(mailbox.maildir, STAMP)
        try:
            if not decide.warns(percent, _age_s(stamp, now_s)):
                return
            text = self._domains.text(mailbox.domain, vdomain.QUOTA_WARNING)
            if not text:
                return
            _touch(stamp, now_s)
            data = self._warning(mailbox, text.encode("latin-1"), now_s)
            delivery = self._deliverer.stage_text(mailbox.maildir, self._fresh_name(len(data), now_s), data)
        except (OSError, Temporary):
            return
        self._warnings.append(delivery)
        maildirquota.change(mailbox.maildir, len(data), 1)
        self._note(delivery, mailbox.maildir, len(data))

    def _warning(self, mailbox: Mailbox, text: bytes, now_s: int) -> bytes:
        """The text with the header lines every message needs, where it has none of its own."""
        self._serial += 1
        names = {line.partition(b":")[0].lower() for line in text.partition(b"\n\n")[0].split(b"\n")}
        lines = traceline.return_path(b"") + traceline.delivered_to(mailbox.address)
        if b"date" not in names:
            lines += b"Date: %b\n" % date822.stamp(now_s)
        if b"message-id" not in names:
            lines += b"Message-ID: <%b.%d.%d.quotawarn@%b>\n" % (date822.compact(now_s), os.getpid(), self._serial, mailbox.domain.name)
        return lines + text + b"\n"

    def _fresh_name(self, size_bytes: int, now_s: int) -> bytes:
        microseconds = clock.now_ns() // 1000 % 1_000_000
        return maildirname.fresh(
            seconds=now_s, microseconds=microseconds, pid=os.getpid(), serial=self._serial, host=self._host, size_bytes=size_bytes
        )

    def commit(self, deliveries: Sequence[Delivery]) -> None:
        """Those staged here and others of the same Deliverer. Never raises: see their failures."""
        self._deliverer.commit([*deliveries, *self._warnings])
        for reserved in self._reserved:
            if reserved.delivery.failure is not None or reserved.delivery.was_there:
                self._give_back(reserved)
        self._reserved, self._pending, self._warnings = [], {}, []
        self._roots.clear()
        self._unkept.clear()

    def abandon(self, deliveries: Sequence[Delivery]) -> None:
        """Forget staged deliveries that will not be committed."""
        for delivery in deliveries:
            self._deliverer.abandon(delivery)
        for reserved in [r for r in self._reserved if r.delivery in deliveries]:
            self._reserved.remove(reserved)
            self._give_back(reserved)

    def _give_back(self, reserved: _Reservation) -> None:
        maildirquota.change(reserved.root, -reserved.size_bytes, -1)
        before = self._pending[reserved.root]
        self._pending[reserved.root] = Usage(before.size_bytes - reserved.size_bytes, before.messages - 1)


class _Missing(Exception):
    """The Maildir is not there."""


def _quota_of(root: bytes) -> Quota:
    book = maildirquota.load(root)
    return Quota() if book is None else book.quota


def _age_s(path: bytes, now_s: int) -> int | None:
    try:
        return now_s - int(os.stat(path).st_mtime)
    except FileNotFoundError:
        return None


def _touch(path: bytes, now_s: int) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    os.utime(path, (now_s, now_s))


def _make(mailbox: Mailbox) -> None:
    """The mailbox's Maildir, and what is missing above it, to last. Raises Temporary."""
    try:
        made = _make_directories(mailbox)
        temporary = b"%b/.Maildir.%d" % (mailbox.dir, os.getpid())
        for part in (b"", b"/tmp", b"/new", b"/cur"):
            _make_directory(temporary + part)
        os.rename(temporary, mailbox.maildir)  # whole or not at all: a Maildir without tmp would never be mended
        for directory in (*made, mailbox.maildir):
            REAL.sync_dir(directory)
    except OSError as error:  # another delivery may have made it: the next attempt will see
        raise Temporary(TROUBLE, str(error)) from error


def _make_directories(mailbox: Mailbox) -> list[bytes]:
    """-> the mailbox's directory and those above it that hold a new one. Where nothing of a path outside the domain is there, a disk may
    not be mounted: nothing is made then. Raises OSError."""
    missing = []
    at = mailbox.dir
    while not os.path.isdir(at):
        missing.append(at)
        at = os.path.dirname(at)
        if not (at + b"/").startswith(mailbox.domain.dir + b"/") and not os.path.isdir(at):
            raise FileNotFoundError(errno.ENOENT, "the directory above the mailbox is missing", at)
    for directory in reversed(missing):
        _make_directory(directory)
    return [at, *missing]


def _make_directory(path: bytes) -> None:
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
