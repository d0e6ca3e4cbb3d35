"""The control directory as the programs see it: one generation at a time.

control/ may be a plain directory, or a link into generations/N/: then all files are read from the directory the link named when the reader
was opened, so that nobody ever works from files of two generations.
A server that lives long asks is_fresh() now and then: it says no after another generation was installed or a file was edited by hand.
Loaded by programs that run per message: builtins only.
Source   qmail-control(5), control.c
"""

from __future__ import annotations

import os

from mta.formats import control


class Unreadable(Exception):
    """A control file exists and cannot be read, or the directory itself is missing. Temporary everywhere."""

    def __init__(self, name: str, why: OSError) -> None:
        super().__init__(f"unable to read control/{name}: {why.strerror}")


class ControlDir:
    """Readers for the three kinds of file. Missing: the default; unreadable: Unreadable."""

    _fd = -1

    def __init__(self, home: bytes, folder: bytes = b"control") -> None:
        self._path = os.path.join(home, folder)
        try:
            self._fd = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise Unreadable("", error) from error
        self._seen: dict[str, tuple[int, int, int] | None] = {}
        self._inode = os.fstat(self._fd).st_ino

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    __del__ = close

    def raw(self, name: str) -> bytes | None:
        """The bytes of a file, None when it is missing."""
        try:
            fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._fd)
        except FileNotFoundError:
            self._seen[name] = None
            return None
        except OSError as error:
            raise Unreadable(name, error) from error
        try:
            st = os.fstat(fd)
            self._seen[name] = (st.st_ino, st.st_mtime_ns, st.st_size)
            parts = []
            while piece := os.read(fd, 1 << 16):
                parts.append(piece)
            return b"".join(parts)
        except OSError as error:
            raise Unreadable(name, error) from error
        finally:
            os.close(fd)

    def line(self, name: str, default: bytes | None = None) -> bytes | None:
        data = self.raw(name)
        return default if data is None else control.line(data)

    def line_or_me(self, name: str, last_resort: bytes) -> bytes:
        """The file, else control/me, else the given text (the original uses the file's own name)."""
        found = self.line(name)
        if found is None:
            found = self.line("me")
        return last_resort if found is None else found

    def integer(self, name: str, default: int) -> int:
        data = self.raw(name)
        number = None if data is None else control.integer(data)
        return default if number is None else number

    def lines(self, name: str) -> list[bytes] | None:
        data = self.raw(name)
        return None if data is None else control.lines(data)

    def set_(self, name: str) -> frozenset[bytes] | None:
        found = self.lines(name)
        return None if found is None else control.set_(found)

    def map_(self, name: str) -> dict[bytes, bytes]:
        return control.map_(self.lines(name) or [])

    def open_file(self, name: str) -> int | None:
        """A descriptor of a file that stays open (a cdb), None when it is missing. Raises Unreadable."""
        try:
            fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._fd)
        except FileNotFoundError:
            self._seen[name] = None
            return None
        except OSError as error:
            raise Unreadable(name, error) from error
        st = os.fstat(fd)
        self._seen[name] = (st.st_ino, st.st_mtime_ns, st.st_size)
        return fd

    def path(self, name: str) -> bytes:
        """For a library that opens a file itself."""
        return os.path.join(self._path, os.fsencode(name))

    def names(self, folder: str) -> frozenset[str]:
        """Names in a folder of the directory (tlshosts/); none when it is missing. Raises Unreadable."""
        try:
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._fd)
        except FileNotFoundError:
            self._seen[folder] = None
            return frozenset()
        except OSError as error:
            raise Unreadable(folder, error) from error
        try:
            st = os.fstat(fd)
            self._seen[folder] = (st.st_ino, st.st_mtime_ns, st.st_size)
            return frozenset(os.listdir(fd))
        except OSError as error:
            raise Unreadable(folder, error) from error
        finally:
            os.close(fd)

    def is_fresh(self) -> bool:
        """Do the files read so far still stand as they were?"""
        try:
            if os.stat(self._path).st_ino != self._inode:
                return False
        except OSError:  # it is being replaced: what we have stays in force
            return True
        return all(self._stamp(name) == seen for name, seen in self._seen.items())

    def _stamp(self, name: str) -> tuple[int, int, int] | None:
        try:
            st = os.stat(name, dir_fd=self._fd)
        except OSError:
            return None
        return st.st_ino, st.st_mtime_ns, st.st_size
