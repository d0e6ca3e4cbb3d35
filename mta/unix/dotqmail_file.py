"""A .qmail file on disk, read whole, if it may be obeyed.

Rules    only a regular file counts, and nothing is waited for; one that others may write is a mistake, not instructions
Source   dot-qmail(5), qmail-local.c qmeexists and main
"""

from __future__ import annotations

import errno
import os
import stat

from mta.errors import Temporary
from mta.formats.error_str import error_str, is_temporary

_SHARED_WRITE = 0o002  # conf-patrn
_PIECE = 1 << 16


def load(name: bytes, dir_fd: int | None = None) -> tuple[bytes, int] | None:
    """-> (contents, mode). None: as good as not there. Raises Temporary, in qmail-local's words; no directory is named in them."""
    shown = os.path.basename(name).decode("latin-1") if dir_fd is None else name.decode("latin-1")
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=dir_fd)
    except OSError as error:
        if is_temporary(error.errno) or error.errno in (errno.EPERM, errno.EACCES):
            raise Temporary(f"Unable to open {shown}: {error_str(error.errno)}. (#4.3.0)") from error
        return None
    try:
        mode = os.fstat(fd).st_mode
        if not stat.S_ISREG(mode):
            return None
        if mode & _SHARED_WRITE:
            raise Temporary("Uh-oh: .qmail file is writable. (#4.7.0)")
        return _read(fd), mode
    except OSError as error:
        raise Temporary(f"Unable to read {shown}: {error_str(error.errno)}. (#4.3.0)") from error
    finally:
        os.close(fd)


def _read(fd: int) -> bytes:
    parts = []
    while piece := os.read(fd, _PIECE):
        parts.append(piece)
    return b"".join(parts)
