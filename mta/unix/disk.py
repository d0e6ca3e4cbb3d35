"""The system calls of the storage layer, gathered in one small object, so that tests can put a simulated disk in their place.

Everything that must survive a crash (queue, Maildirs, installed files) goes through a Disk. Methods have the names, arguments and
errors of the calls in os. syncfs is what os lacks: it writes out all of one file system, data and directories alike.
Source   syncfs(2), renameat2(2), open(2) O_TMPFILE, DESIGN 5 (one barrier for many messages)
         xfs_dir_fsync in Linux 6: a directory whose log items were thrown away by a shutdown counts as clean
"""

from __future__ import annotations

import ctypes
import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_libc = ctypes.CDLL(None, use_errno=True)
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2

_NO_COPY = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)
_COPY_MAX = 1 << 30
_PIECE = 1 << 16


def _copy_range(source: int, target: int, offset: int, count: int) -> int:
    return os.copy_file_range(source, target, min(count, _COPY_MAX), offset_src=offset)


def _send_file(source: int, target: int, offset: int, count: int) -> int:
    return os.sendfile(target, source, offset, min(count, _COPY_MAX))


def _copy_pieces(source: int, target: int, offset: int, count: int) -> int:
    data = os.pread(source, min(count, _PIECE), offset)
    Disk.write(target, data)
    return len(data)


class Disk:
    """The real one. All methods raise OSError."""

    open = staticmethod(os.open)
    read = staticmethod(os.read)
    pread = staticmethod(os.pread)
    lseek = staticmethod(os.lseek)
    fstat = staticmethod(os.fstat)
    stat = staticmethod(os.stat)
    lstat = staticmethod(os.lstat)
    link = staticmethod(os.link)
    unlink = staticmethod(os.unlink)
    rename = staticmethod(os.rename)
    symlink = staticmethod(os.symlink)
    readlink = staticmethod(os.readlink)
    mkdir = staticmethod(os.mkdir)
    rmdir = staticmethod(os.rmdir)
    chmod = staticmethod(os.chmod)
    chown = staticmethod(os.chown)
    fchmod = staticmethod(os.fchmod)
    utime = staticmethod(os.utime)
    ftruncate = staticmethod(os.ftruncate)

    @staticmethod
    def close(fd: int) -> None:
        """It is closed whatever it says, and what it may tell late was asked for by fsync."""
        try:
            os.close(fd)
        except OSError as error:
            if error.errno == errno.EBADF:
                raise

    @staticmethod
    def fsync(fd: int) -> None:
        """Also tells, in one more call, of a file system that was shut down meanwhile: xfs says then that a directory is synced when it
        is not, but answers no other question about it."""
        os.fsync(fd)
        os.fstat(fd)

    @staticmethod
    def listdir(path: bytes) -> list[bytes]:
        return os.listdir(path)

    @staticmethod
    def write(fd: int, data: bytes | memoryview) -> None:
        """All of data, however many calls it takes."""
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]

    @staticmethod
    def writev(fd: int, parts: Sequence[bytes]) -> None:
        """All of the parts, in one call when the kernel takes them."""
        written = os.writev(fd, parts)
        if written != sum(map(len, parts)):
            Disk.write(fd, b"".join(parts)[written:])

    @staticmethod
    def pwrite(fd: int, data: bytes, offset: int) -> None:
        if os.pwrite(fd, data, offset) != len(data):
            raise OSError(5, "short write")

    @staticmethod
    def copy(source: int, target: int, offset: int, count: int) -> None:
        """count octets of source, from offset on, to where target stands: inside the kernel where it can, else in pieces. Raises EOFError
        when source has fewer."""
        end = offset + count
        move = _copy_range
        while offset < end:
            try:
                moved = move(source, target, offset, end - offset)
            except OSError as error:
                if move is _copy_pieces or error.errno not in _NO_COPY:
                    raise
                move = _send_file if move is _copy_range else _copy_pieces
                continue
            if moved == 0:
                raise EOFError("file became shorter")
            offset += moved

    @staticmethod
    def link_unnamed(fd: int, target: bytes, *, dir_fd: int | None = None) -> None:
        """Give a file opened with O_TMPFILE its name."""
        # src_dir_fd makes Python call linkat, which alone follows /proc/self/fd/N to the file; for an absolute path it means nothing else
        os.link(b"/proc/self/fd/%d" % fd, target, src_dir_fd=fd, dst_dir_fd=dir_fd)

    @staticmethod
    def exchange(a: bytes, b: bytes) -> None:
        """Two names on one file system trade what they stand for, in one step: renameat2(2) RENAME_EXCHANGE."""
        if _libc.renameat2(_AT_FDCWD, a, _AT_FDCWD, b, _RENAME_EXCHANGE) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), a)

    @staticmethod
    def syncfs(fd: int) -> None:
        """Everything written so far to fd's file system is on disk afterwards. An error means that something of it may not be."""
        if _libc.syncfs(fd) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def sync_dir(self, path: bytes) -> None:
        """Names made, changed or removed in a directory are on disk afterwards."""
        fd = self.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.fsync(fd)
        finally:
            self.close(fd)


REAL = Disk()
