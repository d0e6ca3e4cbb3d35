"""What lies in removed/ is taken away for good, as its owner.

Steps    1 rename removed/NAME to removed/.discard-NAME: from now on nobody can restore a half  2 its .line goes  3 the rest, file by file
Crash    after step 1 it goes on where it was asked for again; the question "begun" lists such names
Limits   so much as goes in PIECE_S; the asker asks again. Links are removed, not followed
"""

from __future__ import annotations

import os
import stat
import time

from mta.formats import ask, install_call
from mta.unix import atomic
from mta.unix.disk import REAL

BEGUN = b".discard-"
PIECE_S = 60.0  # must stay below CHILD_S in child.py
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def discard(removed: bytes, kept: bytes, piece_s: float = PIECE_S) -> bytes:
    """removed: that directory, kept: a name in it. -> list: K, and a word when there is more to do; or Z and TEXT."""
    try:
        going = BEGUN + kept
        fd = os.open(removed, _DIRECTORY)
        try:
            if not _is_there(going, fd):
                os.rename(kept, going, src_dir_fd=fd, dst_dir_fd=fd)
                REAL.fsync(fd)
            atomic.remove(os.path.join(removed, kept + b".line"))
            return install_call.write_list([ask.YES] if _is_gone(going, fd, time.monotonic() + piece_s) else [ask.YES, b"more"])
        finally:
            os.close(fd)
    except OSError as error:
        return install_call.write_list([ask.NOT_NOW, f"{os.fsdecode(error.filename or kept)}: {error.strerror}".encode()])


def _is_there(name: bytes, directory: int) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _is_gone(name: bytes, directory: int, until: float) -> bool:
    """Remove it with all that is in it. False: time was up before that. Raises OSError."""
    if not stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=directory)
        return True
    fd = os.open(name, _DIRECTORY, dir_fd=directory)
    try:
        for entry in os.listdir(fd):
            if time.monotonic() > until or not _is_gone(os.fsencode(entry), fd, until):
                return False
    finally:
        os.close(fd)
    os.rmdir(name, dir_fd=directory)
    return True
