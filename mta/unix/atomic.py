"""Replace a file so that readers, and the disk after a crash, hold the old one or the new one and never a piece.

Steps    1 write a temporary file in the same directory  2 fsync it  3 rename it over the target  4 fsync the directory
Source   DESIGN 3, qmail-newu.c (which leaves out step 4)
"""

from __future__ import annotations

import os

from mta.unix.disk import REAL, Disk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def replace(path: bytes, data: bytes, *, mode: int = 0o644, owner: tuple[int, int] | None = None, disk: Disk = REAL) -> None:
    """owner: (uid, gid), or None to leave it. Raises OSError; the old file then stands untouched."""
    temporary = stage(path, data, mode=mode, owner=owner, disk=disk)
    try:
        disk.rename(temporary, path)
    except OSError:
        _forget(temporary, disk)
        raise
    disk.sync_dir(os.path.dirname(path) or b".")


def stage(
    path: bytes,
    data: bytes | Sequence[bytes | range],
    *,
    source: int = -1,
    mode: int = 0o644,
    owner: tuple[int, int] | None = None,
    disk: Disk = REAL,
) -> bytes:
    """Steps 1 and 2. data: in pieces, too; a range: these octets of the file source. -> the temporary file.
    Raises OSError; it is then gone again. Raises EOFError: source became shorter."""
    temporary = temporary_name(path)
    fd = disk.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            if owner is not None:
                os.fchown(fd, *owner)
            disk.fchmod(fd, mode)
            for piece in (data,) if isinstance(data, bytes) else data:
                if isinstance(piece, bytes):
                    disk.write(fd, piece)
                else:
                    disk.copy(source, fd, piece.start, len(piece))
            disk.fsync(fd)
        finally:
            disk.close(fd)
    except OSError:
        _forget(temporary, disk)
        raise
    return temporary


def temporary_name(path: bytes) -> bytes:
    folder, name = os.path.split(path)
    return os.path.join(folder, b".%b.new" % name)


def remove(path: bytes, *, disk: Disk = REAL) -> None:
    """Take a file away for good; one that is not there is fine."""
    try:
        disk.unlink(path)
    except FileNotFoundError:
        return
    disk.sync_dir(os.path.dirname(path) or b".")


def read(path: bytes) -> bytes | None:
    """The whole of a small file, or None when there is none. Raises OSError for any other trouble."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _forget(path: bytes, disk: Disk) -> None:
    try:
        disk.unlink(path)
    except OSError:  # the first error is the one to report; a left-over temporary is overwritten next time
        pass
