"""vpasswd and vpasswd.cdb in the working directory: replaced together, whole, or with one line edited in the time that it takes to copy
the two files inside the kernel.

Crash    both are on disk before the first is in force, vpasswd; a stop between the two leaves the temporary file of vpasswd.cdb, and the
         next edit, of whichever line, compiles all of it
"""

from __future__ import annotations

import os
import stat

from mta.errors import Permanent
from mta.formats import install_call, vpasswd
from mta.formats.install_call import Line
from mta.unix import atomic
from mta.unix.disk import REAL

Pieces = list[bytes | range]


class _Opened:
    """A file of the domain, read in pieces: vpasswd may have 40 MB. One that is not there has none."""

    def __init__(self, path: bytes) -> None:
        try:
            self.fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            st = os.fstat(self.fd)
            self.size, self.ctime_ns = st.st_size if stat.S_ISREG(st.st_mode) else 0, st.st_ctime_ns
        except FileNotFoundError:
            self.fd, self.size, self.ctime_ns = -1, 0, 0

    def read_at(self, length: int, offset: int) -> bytes:
        return os.pread(self.fd, length, offset) if self.size else b""

    def __enter__(self) -> _Opened:
        return self

    def __exit__(self, *_: object) -> None:
        if self.fd >= 0:
            os.close(self.fd)


def find(step: Line) -> range:
    """Raises Permanent: another line stands there than the asker thinks."""
    with _Opened(b"vpasswd") as file:
        if file.size and file.read_at(1, file.size - 1) != b"\n":
            raise Permanent("the last line of vpasswd has no newline")
        place = vpasswd.find(file.read_at, file.size, step.name)
        if not install_call.is_met(step.old, file.read_at(len(place), place.start) or None):
            name = step.name.decode("utf-8", "replace")
            raise Permanent(f"the line of {name} in vpasswd was changed by somebody else meanwhile: look at Drift first")
        return place


def edit(user: bytes, line: bytes, place: range) -> None:
    """place: as find() gave it. Raises Permanent when another line, edited by hand, is no line; EOFError, OSError."""
    with _Opened(b"vpasswd") as text, _Opened(b"vpasswd.cdb") as compiled:
        if text.size - len(place) + len(line) > install_call.VPASSWD_MAX:
            raise Permanent(f"vpasswd would be larger than {install_call.VPASSWD_MAX >> 20} MiB")
        pieces = vpasswd.edited(line, place, text.size)
        records = _records(text, compiled, user, line) or [_compiled(text, pieces)]
        replace(pieces, records, text.fd, compiled.fd)


def _records(text: _Opened, compiled: _Opened, user: bytes, line: bytes) -> Pieces | None:
    """Pieces of vpasswd.cdb with one record changed. None: it is damaged, or not what vpasswd was compiled to. (ctime: when it came to
    its place, or was edited there; mtime may be older in what was restored.)"""
    if text.ctime_ns >= compiled.ctime_ns or os.path.lexists(atomic.temporary_name(b"vpasswd.cdb")):
        return None
    try:
        if vpasswd.compiled_size(compiled.read_at, compiled.size) != text.size:
            return None
        return vpasswd.recompiled(compiled.read_at, compiled.size, user, line)
    except ValueError:
        return None


def _compiled(text: _Opened, pieces: Pieces) -> bytes:
    try:
        return vpasswd.compile_(b"".join(p if isinstance(p, bytes) else text.read_at(len(p), p.start) for p in pieces))
    except vpasswd.BadLine as error:
        raise Permanent(f"vpasswd {error}") from error


def replace(text: bytes | Pieces, compiled: bytes | Pieces, old_text: int = -1, old_compiled: int = -1) -> None:
    """Both files. old_: descriptors of those that the pieces are of."""
    files = ((b"vpasswd", text, old_text), (b"vpasswd.cdb", compiled, old_compiled))
    staged = [atomic.stage(path, data, source=source, mode=0o600) for path, data, source in files]
    for temporary, (path, *_) in zip(staged, files, strict=True):
        REAL.rename(temporary, path)
        REAL.sync_dir(b".")
