"""SimDisk for Maildirs: calls relative to a directory's descriptor, and a message to deliver.

disk = MaildirDisk([b"/a/Maildir", b"/b/Maildir"])
message = disk.message(b"Subject: x\\n\\n")       # in the queue, on disk
"""

from __future__ import annotations

import os

from mta.unix.mess import Message
from tests.support.sim_disk import Inode, Names, SimDisk

MESS = b"/queue/mess"
PARTS = (b"", b"/tmp", b"/new", b"/cur")


class MaildirDisk(SimDisk):
    """has_unnamed: does the file system know O_TMPFILE?"""

    def __init__(self, maildirs: list[bytes], names: Names | None = None, next_number: int = 1000, *, has_unnamed: bool = True) -> None:
        super().__init__([MESS, *(m + part for m in maildirs for part in PARTS)], names, next_number)
        self.has_unnamed = has_unnamed

    def message(self, data: bytes, mtime_ns: int = 1_795_000_000_123_456_000, *, is_suspected: bool = False) -> Message:
        folder = self.names[MESS]
        if b"1" not in folder:
            folder[b"1"] = self.durable_names[MESS][b"1"] = Inode(7, data, data)
        return Message(self.open(MESS + b"/1", os.O_RDONLY), len(data), 7, mtime_ns, is_suspected)

    def new(self, maildir: bytes) -> list[bytes]:
        return [self.names[maildir + b"/new"][name].data for name in sorted(self.names[maildir + b"/new"])]

    def survivor(self, kept: object) -> MaildirDisk:
        """after_power_cut, as a disk of this kind."""
        plain = self.after_power_cut(kept)  # type: ignore[arg-type]
        return MaildirDisk([], plain.names, plain.next_number, has_unnamed=self.has_unnamed)

    @property
    def open_files(self) -> int:
        return len(self._fds)

    def _below(self, path: bytes, dir_fd: int | None) -> bytes:
        if dir_fd is None:
            return path
        folder = self._fds[dir_fd].folder
        assert folder is not None
        return folder if path == b"." else folder + b"/" + path

    def open(self, path: bytes, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:  # type: ignore[override]
        if flags & os.O_TMPFILE == os.O_TMPFILE and not self.has_unnamed:
            raise OSError(95, "not supported")
        return super().open(self._below(path, dir_fd), flags, mode)

    def copy(self, source: int, target: int, offset: int, count: int) -> None:  # type: ignore[override]
        self.write(target, self.pread(source, count, offset))

    def fstat(self, fd: int) -> os.stat_result:
        if self._fds[fd].folder is not None:
            return os.stat_result((0o40700, 1, 1, 1, 0, 0, 0, 0, 0, 0))
        return super().fstat(fd)

    def stat(self, path: bytes) -> os.stat_result:
        if path == b"/proc/self/fd":
            return os.stat_result((0o40500, 1, 1, 1, 0, 0, 0, 0, 0, 0))
        return super().stat(path)

    def link(self, source: bytes, target: bytes, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:  # type: ignore[override]
        super().link(self._below(source, src_dir_fd), self._below(target, dst_dir_fd))

    def link_unnamed(self, fd: int, target: bytes, *, dir_fd: int | None = None) -> None:  # type: ignore[override]
        super().link_unnamed(fd, self._below(target, dir_fd))

    def unlink(self, path: bytes, *, dir_fd: int | None = None) -> None:  # type: ignore[override]
        super().unlink(self._below(path, dir_fd))
