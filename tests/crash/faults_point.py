"""Inside programs under test: calls of the storage layer that fail, or take long, on files of the queue and of mailboxes alone.

    point = Point(folder); point.install(plane)                # before the plane starts
    with point.failing("fsync", errno.EIO): ...                # each one, in every program
    with point.failing("link", errno.ENOSPC, every=3): ...     # the third, the sixth ...
    with point.slow("fsync", 0.02): ...
    point.synced()                        # [(file, was it synced?)] in order; a file: device, inode, generation, and where it is
A call that fails is not made, but close. An fsync that fails loses what was not synced, as a disk does that failed: whoever acknowledges it
all the same has acknowledged nothing.
Runs in  programs that start without site packages, too: os, mmap, struct, time, fcntl
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import stat
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.crash.faults_plane import Plane

_OS = (
    *("open", "close", "read", "pread", "fstat", "stat", "lstat", "readlink", "listdir", "write", "writev", "pwrite", "copy_file_range"),
    *("ftruncate", "fsync", "link", "symlink", "unlink", "rename", "mkdir", "rmdir", "utime", "fchmod"),
)
_DISKS_OWN = ("close", "write", "writev", "pwrite", "fsync", "listdir")  # they call os
CALLS = (*_OS, "create", "syncfs")  # an open that makes a file has a name of its own
ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENOMEM)
_ORDER = struct.Struct("<16siii")  # call, error number (0: none), every which one, milliseconds it takes longer
_GET_GENERATION = 0x80087601  # FS_IOC_GETVERSION
_ARM = "from tests.crash import faults_point\nfaults_point.arm({folder!r}, {home!r})\n"


class Point:
    """folder: of its own, for what programs are told and tell."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        folder.chmod(0o777)
        for name, content in (("order", bytes(_ORDER.size)), ("synced", b""), ("failed", b"")):
            (folder / name).write_bytes(content)
            (folder / name).chmod(0o666)

    def install(self, plane: Plane) -> None:
        for path in (plane.home / "bin").iterdir():
            before, marker, after = path.read_text().partition("from mta import runner\n")
            if marker and path.name != "svscan":
                path.write_text(before + marker + _ARM.format(folder=str(self._folder), home=str(plane.home)) + after)

    def order(self, call: str = "", error: int = 0, every: int = 1, delay_s: float = 0) -> None:
        """From now on; without a call: nothing any more."""
        with (self._folder / "order").open("r+b") as file:
            file.write(_ORDER.pack(call.encode(), error, every, int(delay_s * 1000)))

    @contextmanager
    def failing(self, call: str, error: int, every: int = 1) -> Iterator[None]:
        self.order(call, error, every)
        try:
            yield
        finally:
            self.order()

    @contextmanager
    def slow(self, call: str, delay_s: float) -> Iterator[None]:
        self.order(call, delay_s=delay_s)
        try:
            yield
        finally:
            self.order()

    def failures(self) -> int:
        """How many calls have failed so far."""
        return (self._folder / "failed").stat().st_size

    def synced(self) -> list[tuple[str, bool]]:
        lines = (self._folder / "synced").read_text().splitlines()
        return [(line[2:], line[0] == "+") for line in lines]


# -- inside a program --------------------------------------------------------------------------------------------------------------


class _Armed:
    order: mmap.mmap
    roots: tuple[bytes, ...] = ()
    decide: Callable[[str], int]
    synced = failed = b""  # files to tell it in
    calls = 0
    unsynced: dict[int, int] = {}  # {descriptor: size of its file before what is not synced}
    written: set[int] = set()  # descriptors, as long as they are open: no other close can fail
    troubles = 0  # of the file system, so far
    heard: dict[int, int] = {}  # {descriptor: how many of them it has been told of}


def arm(folder: str, home: str) -> None:
    """From now on."""
    with open(f"{folder}/order", "rb") as file:
        _Armed.order = mmap.mmap(file.fileno(), _ORDER.size, prot=mmap.PROT_READ)
    _Armed.synced, _Armed.failed = (os.fsencode(f"{folder}/{name}") for name in ("synced", "failed"))
    watch(tuple(os.path.realpath(os.fsencode(f"{home}/{name}")) + b"/" for name in ("queue", "domains")), _ordered)


def watch(roots: tuple[bytes, ...], decide: Callable[[str], int]) -> None:
    """decide: the name of a call below the roots -> the error it has to fail with, or 0."""
    _Armed.roots, _Armed.decide = roots, staticmethod(decide)  # type: ignore[assignment]
    from mta.unix.disk import Disk

    for name in _OS:
        setattr(os, name, _watched(name, getattr(os, name), _TARGET.get(name, _first)))
        if name in vars(Disk) and name not in _DISKS_OWN:
            setattr(Disk, name, staticmethod(getattr(os, name)))
    Disk.syncfs = staticmethod(_watched("syncfs", Disk.syncfs, _first))  # type: ignore[method-assign]


_open, _write, _fstat, _ftruncate, _readlink, _close = os.open, os.write, os.fstat, os.ftruncate, os.readlink, os.close


def _first(*given: Any, dir_fd: int | None = None, **_: Any) -> bytes:
    return _where(given[0], dir_fd)


def _second(*given: Any, dst_dir_fd: int | None = None, **_: Any) -> bytes:
    return _where(given[1], dst_dir_fd)


_TARGET: dict[str, Callable[..., bytes]] = {"link": _second, "symlink": _second, "rename": _second, "copy_file_range": _second}


def _where(path: Any, dir_fd: int | None) -> bytes:
    if isinstance(path, int):
        return _readlink(b"/proc/self/fd/%d" % path)
    path = os.fsencode(path)
    if path.startswith(b"/"):
        return path
    base = _readlink(b"/proc/self/fd/%d" % dir_fd) if dir_fd is not None else os.getcwdb()
    return os.path.normpath(base + b"/" + path)


def _watched(name: str, call: Callable[..., Any], where: Callable[..., bytes]) -> Callable[..., Any]:
    def watched(*given: Any, **named: Any) -> Any:
        try:
            is_ours = where(*given, **named).startswith(_Armed.roots)
        except OSError:  # the call itself will say what is wrong
            is_ours = False
        if not is_ours:
            return call(*given, **named)
        known = "create" if name == "open" and given[1] & (os.O_CREAT | os.O_TMPFILE & ~os.O_DIRECTORY) else name
        error = 0 if known == "close" and given[0] not in _Armed.written else _Armed.decide(known)
        if known == "syncfs":
            error = error or _unheard(given[0])
        _account(known, given, bool(error))
        if error:
            if known == "close":
                call(*given, **named)
            _tell(_Armed.failed, b".")
            raise OSError(error, os.strerror(error), name)
        found = call(*given, **named)
        if known in ("open", "create"):
            _Armed.heard[found] = _Armed.troubles
        return found

    return watched


def _unheard(fd: int) -> int:
    """syncfs tells each descriptor of what went wrong since it was opened, or was told last: errseq(9) of the kernel."""
    return errno.EIO if _Armed.heard.get(fd, 0) < _Armed.troubles else 0


def _ordered(name: str) -> int:
    """The number that this call has to fail with; 0: it may go on, after a while."""
    call, error, every, delay_ms = _ORDER.unpack(_Armed.order[:])
    if call.rstrip(b"\0").decode() != name:
        return 0
    time.sleep(delay_ms / 1000)
    _Armed.calls += 1
    return int(error) if _Armed.calls % every == 0 else 0


def _account(name: str, given: tuple[Any, ...], has_failed: bool) -> None:
    """What is synced, and what is not."""
    if name in ("write", "writev", "pwrite", "copy_file_range"):
        fd = given[1] if name == "copy_file_range" else given[0]
        st = _fstat(fd)
        if stat.S_ISREG(st.st_mode):
            _Armed.unsynced.setdefault(fd, st.st_size)
            _Armed.written.add(fd)
    elif name == "close":
        _Armed.unsynced.pop(given[0], None)
        _Armed.written.discard(given[0])
        _Armed.heard.pop(given[0], None)
    elif name in ("fsync", "syncfs"):
        if name == "syncfs":
            _Armed.troubles += has_failed
            _Armed.heard[given[0]] = _Armed.troubles
        for fd in list(_Armed.unsynced) if name == "syncfs" else [given[0]]:
            _synced(fd, has_failed)


def _synced(fd: int, has_failed: bool) -> None:
    size = _Armed.unsynced.pop(fd, None)
    if stat.S_ISREG(_fstat(fd).st_mode):
        _tell(_Armed.synced, b"%b %b\n" % (b"-" if has_failed else b"+", _identity(fd)))
    if has_failed and size is not None:
        _ftruncate(fd, size)


def _identity(fd: int) -> bytes:
    st = _fstat(fd)
    try:
        generation = fcntl.ioctl(fd, _GET_GENERATION, bytes(8))
    except OSError:
        generation = b""
    return b"%d:%d:%b %b" % (st.st_dev, st.st_ino, generation.hex().encode(), _readlink(b"/proc/self/fd/%d" % fd).rpartition(b"/")[0])


def _tell(path: bytes, data: bytes) -> None:
    if not path:
        return
    fd = _open(path, os.O_WRONLY | os.O_APPEND)
    _write(fd, data)
    _close(fd)
