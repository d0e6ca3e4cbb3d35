"""A Maildir as maildirserial empties it: held open, so that it stays the one that was named.

Rules    messages are what new/ and cur/ hold, oldest first; names that begin with "." are none. One of this very second waits: another may
         yet come that is older than it by name, and the order of messages should stay.
         What lies in tmp/ and has not been read for 36 hours is nobody's any more.
Source   maildirserial(1), maildir(5), maildir.c
"""

from __future__ import annotations

import os

from mta.unix.maildir_reader import FOLDERS, TMP_AGE_S
from mta.unix.serial_file import SerialFile


class SerialMaildir:
    """All methods raise OSError. fd: the directory, for a program that is to work there."""

    def __init__(self, path: bytes) -> None:
        self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> SerialMaildir:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    def clean(self, now_s: int) -> None:
        """Take away what is left in tmp/. A folder or a file that is not there, or cannot be removed, is no trouble."""
        for name in self._names(b"tmp", is_needed=False):
            path = b"tmp/" + name
            try:
                if now_s > int(os.stat(path, dir_fd=self.fd).st_atime) + TMP_AGE_S:
                    os.unlink(path, dir_fd=self.fd)
            except OSError:
                continue  # somebody else was quicker, or it is no file

    def names(self, now_s: int) -> list[bytes]:
        """b"new/..." and b"cur/..." of the messages."""
        found = []
        for folder in FOLDERS:
            for name in self._names(folder, is_needed=True):
                path = b"%b/%b" % (folder, name)
                try:
                    mtime_s = int(os.stat(path, dir_fd=self.fd, follow_symlinks=False).st_mtime)
                except FileNotFoundError:  # a reader was quicker
                    continue
                if mtime_s < now_s:
                    found.append((mtime_s, name, path))
        return [path for _, _, path in sorted(found)]

    def _names(self, folder: bytes, *, is_needed: bool) -> list[bytes]:
        try:
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.fd)
        except OSError:
            if is_needed:
                raise
            return []
        try:
            return [os.fsencode(name) for name in os.listdir(fd) if not name.startswith(".")]
        finally:
            os.close(fd)

    def open(self, path: bytes) -> SerialFile:
        return SerialFile(path, self.fd)

    def mtime_s(self, path: bytes) -> int:
        return int(os.stat(path, dir_fd=self.fd).st_mtime)

    def remove(self, path: bytes) -> None:
        os.unlink(path, dir_fd=self.fd)
