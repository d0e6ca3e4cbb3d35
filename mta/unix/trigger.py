"""queue/lock/trigger: how qmail-queue tells qmail-send that something new lies in todo/.

Writing  opens without waiting, writes one byte, closes; every error is ignored, for nobody may be listening and qmail-send looks by
         itself every 25 minutes.
Reading  the FIFO is never read: it becomes readable, is closed and opened again, and only then is todo/ listed. A message queued
         during the listing makes it readable once more.
Source   INTERNALS 6, triggerpull.c, trigger.c
"""

from __future__ import annotations

import os


def pull(path: bytes) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:  # no reader: see Writing
        return
    try:
        os.write(fd, b"\0")
    except OSError:  # full: the reader has been told already
        pass
    finally:
        os.close(fd)


class Trigger:
    """The reading end. fd changes at each reset; -1 when the FIFO cannot be opened."""

    def __init__(self, path: bytes) -> None:
        self._path = path
        self.fd = -1
        self.reset()

    def reset(self) -> None:
        """To be called before todo/ is listed."""
        self.close()
        try:
            self.fd = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:  # who has it looks without being told
            self.fd = -1

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
