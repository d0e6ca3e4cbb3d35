"""File systems that a test may break: images on loop devices, made, mounted, cut off and checked. All of it needs root.

    with Disks(folder) as disks:
        disk = disks.make("queue", "xfs", plane.home / "queue")      # made and mounted there
        disk.shut_down()        # the power fails: nothing that is not on disk yet will ever be
        disk.unmount(); disk.check(); disk.mount()
Shutdown  the ioctl both file systems know, without flushing their log: from then on every call fails, and the next mount replays the log,
          as after a power cut (EXT4_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN)
Mounts    are this process's and its children's own: a mount namespace that somebody else makes meanwhile would hold what we unmount, and
          a file system that was shut down would still be so when it is mounted again
End       whatever happens: nothing stays mounted, no loop device attached (mount -o loop gives it back by itself)
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType

GOINGDOWN = 0x8004587D  # _IOR('X', 125, __u32)
NO_LOG_FLUSH = struct.pack("I", 2)
SMALLEST_MB = {"ext4": 8, "xfs": 300}
_MAKE = {
    "ext4": ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
    "xfs": ["mkfs.xfs", "-q", "-f", "-m", "reflink=1"],
}
_CHECK = {"ext4": ["e2fsck", "-f", "-n"], "xfs": ["xfs_repair", "-n"]}
_THROTTLE = Path("/sys/fs/cgroup/blkio/blkio.throttle.write_iops_device")
PATIENCE_S = 20.0
_CLONE_NEWNS, _MS_REC, _MS_PRIVATE = 0x20000, 0x4000, 0x40000


@cache
def why_not(*kinds: str) -> str | None:
    """Why images of these kinds cannot be mounted here, or None."""
    if os.geteuid() != 0:
        return "mounting an image on a loop device needs root"
    for kind in kinds:
        for tool in (_MAKE[kind][0], _CHECK[kind][0]):
            if shutil.which(tool) is None:
                return f"{tool} is not installed (apt-get install e2fsprogs xfsprogs)"
    with tempfile.TemporaryDirectory() as folder:
        try:
            for kind in kinds:
                with Disks(Path(folder)) as disks:
                    disks.make(kind, kind, Path(folder) / "mounted")
        except subprocess.CalledProcessError as error:
            return f"no image can be mounted on a loop device here: {error.stderr.decode(errors='replace').strip()}"
        except OSError as error:
            return f"nothing can be mounted here: {error.strerror}"
    return None


@cache
def _mount_for_ourselves() -> None:
    """From now on. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS) or libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def why_not_slow() -> str | None:
    """Why no disk can be made slow here, or None."""
    return None if os.access(_THROTTLE, os.W_OK) else f"there is no {_THROTTLE}: control groups of the first version are needed"


def _run(*words: str | Path) -> str:
    return subprocess.run([str(w) for w in words], check=True, capture_output=True).stdout.decode(errors="replace")


class Disk:
    """One image, and where it is mounted."""

    def __init__(self, image: Path, kind: str, where: Path) -> None:
        self.image = image
        self.kind = kind
        self.where = where

    def format(self, size_mb: int, *options: str) -> None:
        with self.image.open("wb") as file:
            file.truncate(max(size_mb, SMALLEST_MB[self.kind]) << 20)
        _run(*_MAKE[self.kind], *options, self.image)

    def mount(self, *options: str) -> None:
        _run("mount", "-o", ",".join(("loop", *options)), self.image, self.where)

    def unmount(self) -> None:
        """Whoever had something open there was killed, and is gone in a moment."""
        deadline = time.monotonic() + PATIENCE_S
        while self.is_mounted:
            try:
                _run("umount", self.where)
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    @property
    def is_mounted(self) -> bool:
        """As the kernel tells it: a file system that was shut down answers no question."""
        return any(line.split()[4] == str(self.where) for line in Path("/proc/self/mountinfo").read_text().splitlines())

    def remount(self, how: str) -> None:
        """ro or rw. The kernel refuses ro at a moment when a file is open for writing: then it is asked again."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                _run("mount", "-o", f"remount,{how}", self.where)
                return
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise

    def force_read_only(self) -> None:
        """As ext4 does by itself after an error: open files stay open, and nobody writes any more. Only a fresh mount ends it."""
        _run("mount", "-o", "remount,abort", self.where)

    @contextmanager
    def slowed(self, iops: int) -> Iterator[None]:
        """So many writes a second and no more, whoever writes."""
        device = os.stat(self.where).st_dev
        number = f"{os.major(device)}:{os.minor(device)}"
        _THROTTLE.write_text(f"{number} {iops}")
        try:
            yield
        finally:
            _THROTTLE.write_text(f"{number} 0")

    def shut_down(self) -> None:
        fd = os.open(self.where, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, GOINGDOWN, NO_LOG_FLUSH)
        finally:
            os.close(fd)

    def check(self) -> None:
        """Fails when the file system, its log replayed by a mount, is not sound. Not while it is mounted."""
        done = subprocess.run([*_CHECK[self.kind], str(self.image)], capture_output=True, check=False)
        assert done.returncode == 0, f"{self.kind} is damaged: {done.stdout.decode()[-2000:]}{done.stderr.decode()[-500:]}"

    def after_power_cut(self) -> None:
        """Mounted again: the log is replayed, and the result checked."""
        self.unmount()
        self.mount()
        self.unmount()
        self.check()
        self.mount()

    def after_an_error(self) -> None:
        """Mounted again, repaired as an administrator does it after the kernel has found the disk wanting. ext4 only."""
        self.unmount()
        done = subprocess.run(["e2fsck", "-f", "-y", str(self.image)], capture_output=True, check=False)
        assert done.returncode in (0, 1), done.stdout.decode()[-2000:]
        self.mount()

    def fill(self, name: str = "ballast") -> Path:
        """Not an octet is free afterwards -> the file that takes it all."""
        path = self.where / name
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            for size in (1 << 20, 1 << 16, 1 << 12, 1):
                try:
                    while True:
                        os.write(fd, b"x" * size)
                except OSError:
                    continue
            os.fsync(fd)
        except OSError:  # delayed allocation may tell it only now
            pass
        finally:
            os.close(fd)
        return path

    def fill_inodes(self, name: str = "crowd") -> Path:
        """No further file can be made afterwards -> the folder that holds them all."""
        folder = self.where / name
        folder.mkdir()
        try:
            for number in range(1 << 20):
                (folder / str(number)).touch()
        except OSError:
            pass
        return folder


class Disks:
    """folder: for the images; best on a disk of its own kind, never in memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.all: list[Disk] = []

    def __enter__(self) -> Disks:
        _mount_for_ourselves()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        for disk in reversed(self.all):
            disk.unmount()
            disk.image.unlink(missing_ok=True)

    def make(self, name: str, kind: str, where: Path, size_mb: int = 64, *options: str) -> Disk:
        where.mkdir(parents=True, exist_ok=True)
        disk = Disk(self._folder / f"{name}.{kind}", kind, where)
        disk.format(size_mb, *options)
        self.all.append(disk)
        disk.mount()
        return disk
