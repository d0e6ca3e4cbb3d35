"""flock(2) on whole files, as every qmail program locks. (fcntl.lockf is another kind of lock and would not meet theirs.)

Loaded by programs of which many run: held is a class, as contextlib would load collections."""

from __future__ import annotations

import fcntl
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType


def try_exclusive(fd: int) -> bool:
    """Take the lock if nobody holds it. Raises OSError for other trouble."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_exclusive(fd: int) -> None:
    fcntl.flock(fd, fcntl.LOCK_EX)


class held:
    """Hold the lock of a lock file, made if needed, while the block runs. Waits for it. Raises OSError."""

    __slots__ = ("_fd", "_mode", "_path")

    def __init__(self, path: bytes, mode: int = 0o600) -> None:
        self._path = path
        self._mode = mode

    def __enter__(self) -> None:
        self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, self._mode)
        try:
            wait_exclusive(self._fd)
        except BaseException:
            os.close(self._fd)
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        os.close(self._fd)
