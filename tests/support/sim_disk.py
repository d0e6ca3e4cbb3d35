"""A disk in memory that knows what would survive a power cut, and can fail or stop at any call.

    disk = SimDisk(["queue/todo", ...])
    disk.fail_at = (7, errno.EIO)        # the 7th call that changes something raises OSError
    disk.stop_at = 7                      # ... raises PowerCut: nothing happens any more
    survivor = disk.after_power_cut(kept) # another disk: what was synced, and of the rest what kept(i) says

Rules (weak POSIX, as spec'd for the strictest file systems): data of a file is safe after fsync of it or syncfs; a name is safe after
fsync of its directory or syncfs; a rename is one act; unsynced data and names may each survive or not.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from mta.unix.disk import Disk


class PowerCut(Exception):
    """The machine is off."""


@dataclass(eq=False)
class Inode:
    number: int
    data: bytes = b""
    durable: bytes = b""  # what fsync has put on the platter
    mtime: float = 0.0
    is_fifo: bool = False


@dataclass
class Open:
    inode: Inode | None
    folder: bytes | None
    offset: int = 0
    append: bool = False


Names = dict[bytes, dict[bytes, Inode]]


class SimDisk(Disk):
    """Paths are relative, b"queue/todo/7" style; folders are given once and never made or removed."""

    def __init__(self, folders: list[bytes], names: Names | None = None, next_number: int = 1000) -> None:
        self.names: Names = names or {f: {} for f in folders}
        self.durable_names: Names = {f: dict(n) for f, n in self.names.items()}
        self.next_number = next_number
        self.calls: list[str] = []
        self.fail_at: tuple[int, int] | None = None
        self.stop_at: int | None = None
        self._fds: dict[int, Open] = {}
        self._next_fd = 100
        self.is_off = False

    # -- what happens at each call -------------------------------------------------------------------------------------------------

    def _act(self, name: str) -> None:
        """Every call that changes something, or makes it last, counts."""
        if self.is_off:
            raise PowerCut
        self.calls.append(name)
        if self.stop_at is not None and len(self.calls) == self.stop_at:
            self.is_off = True
            raise PowerCut
        if self.fail_at is not None and len(self.calls) == self.fail_at[0]:
            raise OSError(self.fail_at[1], os.strerror(self.fail_at[1]))

    def _split(self, path: bytes) -> tuple[dict[bytes, Inode], bytes]:
        folder, _, name = path.rpartition(b"/")
        if folder not in self.names:
            raise FileNotFoundError(errno.ENOENT, "no such folder", path)
        return self.names[folder], name

    def _find(self, path: bytes) -> Inode:
        folder, name = self._split(path)
        if name not in folder:
            raise FileNotFoundError(errno.ENOENT, "no such file", path)
        return folder[name]

    def _new(self) -> Inode:
        self.next_number += 1
        return Inode(self.next_number)

    def _open_fd(self, entry: Open) -> int:
        self._next_fd += 1
        self._fds[self._next_fd] = entry
        return self._next_fd

    # -- the calls -----------------------------------------------------------------------------------------------------------------

    def open(self, path: bytes, flags: int, mode: int = 0o777) -> int:  # type: ignore[override]
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            self._act("create")
            return self._open_fd(Open(self._new(), None))
        if flags & os.O_DIRECTORY:
            if path not in self.names:
                raise FileNotFoundError(errno.ENOENT, "no such folder", path)
            return self._open_fd(Open(None, path))
        folder, name = self._split(path)
        if name not in folder:
            if not flags & os.O_CREAT:
                raise FileNotFoundError(errno.ENOENT, "no such file", path)
            self._act("create")
            folder[name] = self._new()
        elif flags & os.O_EXCL:
            raise FileExistsError(errno.EEXIST, "exists", path)
        elif flags & os.O_TRUNC:
            self._act("truncate")
            folder[name].data = b""
        return self._open_fd(Open(folder[name], None, append=bool(flags & os.O_APPEND)))

    def close(self, fd: int) -> None:  # type: ignore[override]
        del self._fds[fd]

    def write(self, fd: int, data: bytes | memoryview) -> None:  # type: ignore[override]
        self._act("write")
        entry = self._fds[fd]
        assert entry.inode is not None
        at = len(entry.inode.data) if entry.append else entry.offset
        old = entry.inode.data
        entry.inode.data = old[:at].ljust(at, b"\0") + bytes(data) + old[at + len(data) :]
        entry.offset = at + len(data)

    def writev(self, fd: int, parts: list[bytes]) -> None:  # type: ignore[override]
        self.write(fd, b"".join(parts))

    def pwrite(self, fd: int, data: bytes, offset: int) -> None:  # type: ignore[override]
        self._fds[fd].offset = offset
        self.write(fd, data)

    def read(self, fd: int, size: int) -> bytes:  # type: ignore[override]
        entry = self._fds[fd]
        assert entry.inode is not None
        data = entry.inode.data[entry.offset : entry.offset + size]
        entry.offset += len(data)
        return data

    def pread(self, fd: int, size: int, offset: int) -> bytes:  # type: ignore[override]
        inode = self._fds[fd].inode
        assert inode is not None
        return inode.data[offset : offset + size]

    def fstat(self, fd: int) -> os.stat_result:  # type: ignore[override]
        inode = self._fds[fd].inode
        assert inode is not None
        return self._stat(inode)

    def stat(self, path: bytes) -> os.stat_result:  # type: ignore[override]
        return self._stat(self._find(path))

    @staticmethod
    def _stat(inode: Inode) -> os.stat_result:
        return os.stat_result((0o100644, inode.number, 1, 1, 0, 0, len(inode.data), inode.mtime, inode.mtime, inode.mtime))

    def link(self, source: bytes, target: bytes) -> None:  # type: ignore[override]
        self._link(self._find(source), target)

    def link_unnamed(self, fd: int, target: bytes) -> None:  # type: ignore[override]
        inode = self._fds[fd].inode
        assert inode is not None
        self._link(inode, target)

    def _link(self, inode: Inode, target: bytes) -> None:
        folder, name = self._split(target)
        if name in folder:
            raise FileExistsError(errno.EEXIST, "exists", target)
        self._act("link")
        folder[name] = inode

    def unlink(self, path: bytes) -> None:  # type: ignore[override]
        folder, name = self._split(path)
        self._find(path)
        self._act("unlink")
        del folder[name]

    def rename(self, source: bytes, target: bytes) -> None:  # type: ignore[override]
        inode = self._find(source)
        old_folder, old_name = self._split(source)
        folder, name = self._split(target)
        self._act("rename")
        del old_folder[old_name]
        folder[name] = inode

    def ftruncate(self, fd: int, size: int) -> None:  # type: ignore[override]
        self._act("truncate")
        inode = self._fds[fd].inode
        assert inode is not None
        inode.data = inode.data[:size]

    def utime(self, path: bytes, times: tuple[float, float]) -> None:  # type: ignore[override]
        self._find(path).mtime = times[1]

    def listdir(self, path: bytes) -> list[bytes]:  # type: ignore[override]
        return list(self.names[path])

    def fsync(self, fd: int) -> None:  # type: ignore[override]
        self._act("fsync")
        entry = self._fds[fd]
        if entry.inode is not None:
            entry.inode.durable = entry.inode.data
        else:
            assert entry.folder is not None
            self.durable_names[entry.folder] = dict(self.names[entry.folder])

    def syncfs(self, fd: int) -> None:  # type: ignore[override]
        self._act("syncfs")
        for folder, names in self.names.items():
            self.durable_names[folder] = dict(names)
            for inode in names.values():
                inode.durable = inode.data
        for entry in self._fds.values():
            if entry.inode is not None:
                entry.inode.durable = entry.inode.data

    # -- afterwards ----------------------------------------------------------------------------------------------------------------

    def after_power_cut(self, kept: Callable[[int], bool]) -> SimDisk:
        """The disk as the next start finds it. kept(i): does the i-th change that was not synced survive?"""
        counter = iter(range(1 << 30))
        names: Names = {}
        copies: dict[int, Inode] = {}

        def copy(inode: Inode) -> Inode:
            if inode.number not in copies:
                is_whole = inode.data == inode.durable or kept(next(counter))
                data = inode.data if is_whole else inode.durable
                copies[inode.number] = Inode(inode.number, data, data, inode.mtime)
            return copies[inode.number]

        for folder in self.names:
            now, safe = self.names[folder], self.durable_names[folder]
            found = {}
            for name in sorted({*now, *safe}):
                if now.get(name) is safe.get(name):
                    chosen = now.get(name)
                else:
                    chosen = now.get(name) if kept(next(counter)) else safe.get(name)
                if chosen is not None:
                    found[name] = copy(chosen)
            names[folder] = found
        return SimDisk([], names, self.next_number)

    def text(self, path: bytes) -> bytes:
        """Contents of a file, for asserts."""
        return self._find(path).data


@dataclass
class Queue:
    """Folders of a queue for SimDisk."""

    root: bytes = b"."
    folders: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        flat = [b"pid", b"intd", b"todo", b"bounce", b"lock", b"mess"]
        hashed = [b"%b/%d" % (f, i) for f in (b"mess", b"info", b"local", b"remote") for i in range(23)]
        self.folders = [self.root + b"/" + f for f in (*flat, *hashed)]
