"""Delivery into Maildirs, one message or many at a time.

Steps    1 stage: the lines of the delivery and the message go into a file without a name, in the file system of tmp/
         2 barrier: the files are on disk; one syncfs when many wait, else an fsync each
         3 publish: each file is linked to new/NAME
         4 settle: the names in new/ are on disk; only now may success be reported
Names    come from the queued message and its recipient (formats/maildirname), so that delivering once more after a crash finds what was
         delivered: the same bytes under the same name are success. Where a delivery may have been cut short before, cur/ is searched too,
         for a reader may have been there in between. Other bytes under that name: another name is taken.
Trouble  a file whose fsync failed is given up, never synced again; a name that may not last is taken away again. Whatever goes wrong is
         Temporary: the message stays in the queue.
Rules    tmp/ and new/ are directories of the Maildir's owner, not links; everything happens below their descriptors.
         Where there are no unnamed files they are made as tmp/NAME.
Crash    before publish: nothing, or a file in tmp/ that readers remove after 36 hours. After: the message is there, and found by its name.
Source   maildir(5), qmail-local.c maildir_child; open(2) O_TMPFILE; DESIGN 5
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Sequence

from mta.errors import Temporary
from mta.formats import maildirname
from mta.unix import maildir_parts, mess
from mta.unix.disk import REAL, Disk
from mta.unix.maildir_parts import TROUBLE, Delivery, Maildir
from mta.unix.mess import Message

SYNCFS_FROM = 4  # files or directories waiting together from which one syncfs is cheaper than their fsyncs, as in unix/queuedir
_SMALL = 1 << 16  # a message up to this size is written in one call with its lines
_NAMES = 3  # how many names are tried
_NO_TMPFILE = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT)


class Deliverer:
    """Stages deliveries, then commits them together. host: of the names."""

    def __init__(self, host: bytes, disk: Disk = REAL) -> None:
        self._host = host
        self._disk = disk
        self._has_tmpfile = _can_link_unnamed(disk)
        self._opened: dict[bytes, Maildir] = {}
        self._others: list[int] = []  # descriptors of cur/ in use

    # step 1

    def stage(self, path: bytes, source: Message, head: bytes, recipient: int, after: Delivery | None = None) -> Delivery:
        """path: of the Maildir; head: the lines before the message; recipient: see maildirname. Raises Temporary."""
        delivery = Delivery(self._open(path), b"", head, source, recipient, after)
        delivery.name = self._name(delivery, 0)
        if source.is_suspected and maildir_parts.is_new(delivery, self._disk):
            delivery.folder, delivery.was_there = delivery.maildir.new, True
        elif source.is_suspected and (cur := maildir_parts.open_cur(delivery, self._disk)) >= 0:
            self._others.append(cur)
            delivery.folder, delivery.was_there = cur, True
        else:
            self._fill(delivery)
        return delivery

    def stage_text(self, path: bytes, name: bytes, text: bytes) -> Delivery:
        """A message of our own that comes from no queue. Raises Temporary."""
        delivery = Delivery(self._open(path), name, b"", text, 0, None)
        self._fill(delivery)
        return delivery

    def _open(self, path: bytes) -> Maildir:
        found = self._opened.get(path)
        if found is None:
            found = self._opened[path] = maildir_parts.open_(path, self._disk)
        return found

    def _name(self, delivery: Delivery, attempt: int) -> bytes:
        source = delivery.source
        assert isinstance(source, Message)
        seconds, nanoseconds = divmod(source.mtime_ns, 1_000_000_000)
        return maildirname.unique(
            seconds=seconds,
            microseconds=nanoseconds // 1000,
            inode=source.inode,
            recipient=delivery.recipient + attempt,
            host=self._host,
            size_bytes=delivery.size_bytes,
        )

    def _fill(self, delivery: Delivery) -> None:
        try:
            self._create(delivery)
            self._write(delivery)
        except OSError as error:
            self.abandon(delivery)
            raise Temporary(TROUBLE) from error
        except EOFError as error:
            self.abandon(delivery)
            raise Temporary(mess.UNREADABLE) from error

    def _create(self, delivery: Delivery) -> None:
        maildir, disk = delivery.maildir, self._disk
        if self._has_tmpfile:
            try:
                delivery.fd = disk.open(b".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=maildir.tmp)
                return
            except OSError as error:
                if error.errno not in _NO_TMPFILE:
                    raise
        delivery.tmp_name = delivery.name
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            delivery.fd = disk.open(delivery.name, flags, 0o600, dir_fd=maildir.tmp)
        except FileExistsError:  # of a delivery of this very message that was cut short
            disk.unlink(delivery.name, dir_fd=maildir.tmp)
            delivery.fd = disk.open(delivery.name, flags, 0o600, dir_fd=maildir.tmp)

    def _write(self, delivery: Delivery) -> None:
        """Raises OSError; EOFError when the message cannot be read as long as it was."""
        source, disk = delivery.source, self._disk
        if isinstance(source, bytes):
            disk.writev(delivery.fd, (delivery.head, source))
        elif source.size_bytes <= _SMALL:
            disk.writev(delivery.fd, (delivery.head, mess.read(source, 0, source.size_bytes, disk)))
        else:
            disk.write(delivery.fd, delivery.head)
            disk.copy(source.fd, delivery.fd, 0, source.size_bytes)

    def abandon(self, delivery: Delivery) -> None:
        """Forget a staged delivery that is not to be committed, or what is left of one that was."""
        if delivery.fd >= 0:
            self._disk.close(delivery.fd)
            delivery.fd = -1
        if delivery.tmp_name is not None:
            try:
                self._disk.unlink(delivery.tmp_name, dir_fd=delivery.maildir.tmp)
            except OSError:  # the next reader's clean-up finds it
                pass

    # steps 2 to 4

    def commit(self, deliveries: Sequence[Delivery]) -> None:
        """Never raises: each tells by its failure how it went. All Maildirs are closed afterwards."""
        self._barrier([d for d in deliveries if d.fd >= 0])
        for delivery in deliveries:
            if delivery.failure is None:
                self._publish(delivery)
        self._settle([d for d in deliveries if d.failure is None])
        for delivery in deliveries:
            self.abandon(delivery)
        self.close()

    def close(self) -> None:
        for maildir in self._opened.values():
            self._disk.close(maildir.tmp)
            self._disk.close(maildir.new)
        for fd in self._others:
            self._disk.close(fd)
        self._opened, self._others = {}, []

    def _barrier(self, staged: list[Delivery]) -> None:
        for group in _by_device(staged):
            try:
                if len(group) >= SYNCFS_FROM:
                    self._disk.syncfs(group[0].fd)
                    continue
            except OSError as error:
                _fail(group, error)
                continue
            for delivery in group:
                try:
                    self._disk.fsync(delivery.fd)
                except OSError as error:
                    _fail([delivery], error)

    def _publish(self, delivery: Delivery) -> None:
        if delivery.after is not None and delivery.after.failure is not None:
            delivery.failure = delivery.after.failure
            return
        if delivery.was_there:
            return
        try:
            for attempt in range(1, _NAMES + 1):
                if self._link(delivery):
                    return
                if not isinstance(delivery.source, Message):
                    break
                delivery.name = self._name(delivery, attempt)
        except OSError as error:
            _fail([delivery], error)
            return
        delivery.failure = Temporary(TROUBLE, "the name is taken")

    def _link(self, delivery: Delivery) -> bool:
        """False: the name is taken by something else. Raises OSError."""
        maildir = delivery.maildir
        try:
            if delivery.tmp_name is not None:
                self._disk.link(delivery.tmp_name, delivery.name, src_dir_fd=maildir.tmp, dst_dir_fd=maildir.new)
            else:
                self._disk.link_unnamed(delivery.fd, delivery.name, dir_fd=maildir.new)
            delivery.is_linked = True
        except FileExistsError:
            if not maildir_parts.is_new(delivery, self._disk):
                return False
            delivery.was_there = True
        delivery.folder = maildir.new
        return True

    def _settle(self, published: list[Delivery]) -> None:
        folders: dict[int, list[Delivery]] = {}
        for delivery in published:
            folders.setdefault(delivery.folder, []).append(delivery)
        for group in _by_device([there[0] for there in folders.values()]):
            if len(group) >= SYNCFS_FROM:
                self._sync_folder(self._disk.syncfs, group[0].folder, [d for first in group for d in folders[first.folder]])
                continue
            for first in group:
                self._sync_folder(self._disk.fsync, first.folder, folders[first.folder])

    def _sync_folder(self, sync: Callable[[int], None], folder: int, there: list[Delivery]) -> None:
        """there: the deliveries that are worth nothing if it fails."""
        try:
            sync(folder)
        except OSError as error:
            self._take_back(there, error)

    def _take_back(self, deliveries: list[Delivery], why: OSError) -> None:
        """Their names may not last: whoever saw them saw too much, and the message comes again."""
        _fail(deliveries, why)
        for delivery in deliveries:
            if delivery.is_linked:
                try:
                    self._disk.unlink(delivery.name, dir_fd=delivery.folder)
                except OSError:  # a reader took it, or the disk takes no more changes
                    pass


def host_name() -> bytes:
    return os.fsencode(os.uname().nodename)


def _can_link_unnamed(disk: Disk) -> bool:
    try:
        disk.stat(b"/proc/self/fd")
    except OSError:
        return False
    return True


def _by_device(deliveries: Iterable[Delivery]) -> list[list[Delivery]]:
    groups: dict[int, list[Delivery]] = {}
    for delivery in deliveries:
        groups.setdefault(delivery.maildir.device, []).append(delivery)
    return list(groups.values())


def _fail(deliveries: Iterable[Delivery], why: OSError) -> None:
    for delivery in deliveries:
        delivery.failure = Temporary(TROUBLE, str(why))
