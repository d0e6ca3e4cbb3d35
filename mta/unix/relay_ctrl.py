"""The directory of relay-ctrl: found by name, or by a descriptor that relay-ctrl-chdir opened while it still had the right to.

Name     RELAY_CTRL_DIR; RELAY_CTRL_DIR_FD, which is preferred, is the number of the descriptor
Loaded by programs that others exec for each connection: builtins only.
Source   relay-ctrl: chdir.c, touch.c, relay-ctrl-allow.c, relay-ctrl-check.c
"""

from __future__ import annotations

import os

from mta.errors import Temporary
from mta.formats import relay_ctrl, scan
from mta.formats.error_str import error_str

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Directory:
    """close() it, or leave that to an exec. Files made through a descriptor are everybody's: who may come near them decides the folder
    above, and programs of several users write them."""

    __slots__ = ("_fd", "_mode")

    def __init__(self, env: Mapping[bytes, bytes]) -> None:
        """Raises Temporary: there is none, or it cannot be opened."""
        number = env.get(b"RELAY_CTRL_DIR_FD")
        self._mode = 0o600 if number is None else 0o666
        try:
            self._fd = _opened(env) if number is None else _given(number)
        except OSError as error:
            raise Temporary(f"unable to open the directory: {error_str(error.errno)}") from error

    def close(self) -> None:
        os.close(self._fd)

    def record(self, ip: bytes, data: bytes, now_ns: int) -> None:
        """Raises OSError."""
        temporary = b".%d.%d:%d" % (now_ns // 1_000_000_000, now_ns // 1000 % 1_000_000, os.getpid())
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=self._fd)
        try:
            try:
                os.fchmod(fd, self._mode)
                os.write(fd, data)
            finally:
                os.close(fd)
            os.rename(temporary, ip, src_dir_fd=self._fd, dst_dir_fd=self._fd)
        except OSError:
            os.unlink(temporary, dir_fd=self._fd)
            raise

    def find(self, ip: bytes) -> tuple[bytes, float] | None:
        """What the file holds and its time; None: there is none. Raises OSError."""
        try:
            fd = os.open(ip, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self._fd)
        except FileNotFoundError:
            return None
        try:
            return os.read(fd, relay_ctrl.FILE_MAX), os.fstat(fd).st_mtime
        finally:
            os.close(fd)

    def touch(self, ip: bytes) -> None:
        """An empty file of this moment. Raises OSError."""
        fd = os.open(ip, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK, self._mode, dir_fd=self._fd)
        try:
            os.utime(fd)
        finally:
            os.close(fd)

    def remove(self, name: bytes) -> None:
        """One that is gone already is fine. Raises OSError."""
        try:
            os.unlink(name, dir_fd=self._fd)
        except FileNotFoundError:
            pass

    def expired(self, before_s: float) -> list[bytes]:
        """Files that are older. Raises OSError."""
        found = []
        for name in os.listdir(self._fd):
            try:
                if os.stat(name, dir_fd=self._fd).st_mtime < before_s:
                    found.append(os.fsencode(name))
            except FileNotFoundError:  # somebody else was faster
                continue
        return found


def _opened(env: Mapping[bytes, bytes]) -> int:
    """Raises Temporary, OSError."""
    path = env.get(b"RELAY_CTRL_DIR")
    if path is None:
        raise Temporary("$RELAY_CTRL_DIR is not set")
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY)


def _given(number: bytes) -> int:
    """The descriptor, no longer to be inherited. Raises Temporary, OSError."""
    fd = scan.whole(number)
    if fd is None or not number or fd >= 1 << 30:
        raise Temporary("$RELAY_CTRL_DIR_FD is no number")
    os.set_inheritable(fd, False)
    return fd


def expiry_s(env: Mapping[bytes, bytes]) -> int:
    return relay_ctrl.positive(env.get(b"RELAY_CTRL_EXPIRY", b""), relay_ctrl.EXPIRY_S)
