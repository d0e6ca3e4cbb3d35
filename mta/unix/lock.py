"""flock(2) on whole files, as every qmail program locks. (fcntl.lockf is another kind of lock and would not meet theirs.)"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def try_exclusive(fd: int) -> bool:
    """Take the lock if nobody holds it. Raises OSError for other trouble."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_exclusive(fd: int) -> None:
    fcntl.flock(fd, fcntl.LOCK_EX)


@contextmanager
def held(path: bytes, mode: int = 0o600) -> Iterator[None]:
    """Hold the lock of a lock file, made if needed, while the block runs. Waits for it. Raises OSError."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, mode)
    try:
        wait_exclusive(fd)
        yield
    finally:
        os.close(fd)
