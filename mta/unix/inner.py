"""Run the program that stands among our own arguments, and learn how it ended: condredirect, except, bouncesaying, preline, predate.

run()   it reads what we were given on descriptor 0; says_yes() makes yes, no or "not now" of its exit code
Feed    it reads what we write
Rules   it is looked for in PATH; descriptors 1 and 2 are ours; its signals are as if a shell had started it. One that cannot be run exits
        with what failed(error) returns: unable() is 111 when trying again may help, else 100, as qmail's programs have it.
        A program that a signal ended is Temporary; so is a machine that cannot start one.
Loaded by programs that run per message: builtins only.
Source   qmail-command(8), condredirect.c, preline.c, wait_pid.c
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the C module: signal would load enum
import os

from mta.errors import Permanent, Temporary
from mta.formats.error_str import error_str, is_temporary
from mta.unix import path_search
from mta.unix.fds import Fds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import NoReturn

    Failed = Callable[[OSError], int]

PIECE = 1 << 16
LAST = 1 << 13


def unable(error: OSError) -> int:
    """The exit code of a program that cannot be run."""
    return Temporary.exit if is_temporary(error.errno) else Permanent.exit


def run(argv: list[bytes], env: Mapping[bytes, bytes], fds: Fds, failed: Failed = unable) -> int:
    """Exit code. Raises Temporary."""
    pid = _fork()
    if pid == 0:
        _be(argv, env, _moved(fds), failed)
    return _wait(pid)


def says_yes(argv: list[bytes], env: Mapping[bytes, bytes], fds: Fds) -> bool:
    """Did it exit 0? One that exits 111 cannot tell now; whatever else it exits with is a no. Raises Temporary."""
    code = run(argv, env, fds)
    if code == Temporary.exit:
        raise Temporary("temporary child error")
    return code == 0


class Feed:
    """A program that reads what we write(); then end() it. Raises Temporary when it cannot be started."""

    __slots__ = ("_pid", "_pipe")

    def __init__(self, argv: list[bytes], env: Mapping[bytes, bytes], fds: Fds, failed: Failed = unable) -> None:
        try:
            reading, self._pipe = os.pipe()
        except OSError as error:
            raise Temporary(f"unable to create pipe: {error_str(error.errno)}") from error
        try:
            self._pid = _fork()
        except Temporary:
            os.close(self._pipe)
            os.close(reading)
            raise
        if self._pid == 0:
            _be(argv, env, {**_moved(fds), 0: reading}, failed)
        os.close(reading)

    def write(self, data: bytes) -> None:
        """All of data. Raises OSError: BrokenPipeError when the program reads no more."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._pipe, view) :]

    def copy(self, head: bytes, fd: int) -> None:
        """head and what there is to read, to the end. Raises OSError. A program need not read the last LAST octets: those who look at a
        header only, of a small message, are no trouble."""
        held = head
        while True:
            piece = os.read(fd, PIECE)
            if not piece:
                break
            held += piece
            self.write(held[:-LAST])
            held = held[-LAST:]
        try:
            self.write(held)
        except BrokenPipeError:
            pass

    def end(self) -> int:
        """Nothing more is coming -> exit code. Raises Temporary."""
        os.close(self._pipe)
        return _wait(self._pid)

    def kill(self) -> None:
        """It has not seen the end of its input, and never will."""
        os.kill(self._pid, _signal.SIGKILL)
        os.close(self._pipe)
        os.waitpid(self._pid, 0)


def _fork() -> int:
    try:
        return os.fork()
    except OSError as error:
        raise Temporary(f"unable to fork: {error_str(error.errno)}") from error


def _moved(fds: Fds) -> dict[int, int]:
    """Those that are not in their places: one that is closed stays closed."""
    return {number: fds[number] for number in (0, 1, 2) if fds[number] != number}


def _be(argv: list[bytes], env: Mapping[bytes, bytes], fds: Mapping[int, int], failed: Failed) -> NoReturn:
    """In the child. Whatever goes wrong, it never goes on as a second parent."""
    code = Temporary.exit
    try:
        path_search.become(argv, env, fds)
    except OSError as error:
        code = failed(error)
    finally:
        os._exit(code)


def _wait(pid: int) -> int:
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code < 0:
        raise Temporary("child crashed")
    return code
