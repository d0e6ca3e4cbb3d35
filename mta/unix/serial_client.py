"""Run a client of maildirserial: it gets names on descriptor 0, and what it answers on descriptor 1 is taken as it comes.

Rules    the client is looked for in PATH and works in the Maildir; descriptor 2 is ours. Both pipes are served at once, so that neither
         side waits for the other. A client that does not read all names has left them for another time.
Source   maildirserial(1), maildirserial.c
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterator, Mapping
from typing import NoReturn

from mta.errors import Temporary
from mta.formats import serial
from mta.formats.error_str import error_str
from mta.formats.serial import Answer
from mta.unix import path_search
from mta.unix.fds import Fds

_PIECE = 1 << 16


class SerialClient:
    """Iterate over answers(), then wait() for its exit code. Raises Temporary when it cannot be started."""

    def __init__(self, argv: list[bytes], env: Mapping[bytes, bytes], fds: Fds, folder_fd: int, names: list[bytes]) -> None:
        opened: list[int] = []
        try:
            opened += os.pipe()
            opened += os.pipe()
            self._pid = os.fork()
        except OSError as error:
            for fd in opened:
                os.close(fd)
            raise Temporary(f"unable to fork: {error_str(error.errno)}") from error
        names_in, self._names_out, self._answers_in, answers_out = opened
        if self._pid == 0:
            _be(argv, env, {0: names_in, 1: answers_out, 2: fds[2]}, folder_fd)
        os.close(names_in)
        os.close(answers_out)
        os.set_blocking(self._names_out, False)
        self._unsaid = b"".join(name + b"\0" for name in names)

    def answers(self) -> Iterator[Answer]:
        """Until it says no more. Raises Temporary when it says what no client says."""
        answers = serial.Answers()
        try:
            while True:
                if self._is_heard():
                    data = os.read(self._answers_in, _PIECE)
                    if not data:
                        return
                    yield from answers.feed(data)
                elif not self._say():
                    self._hang_up()
        except ValueError as error:
            raise Temporary("unable to read from client: protocol error") from error
        except OSError as error:
            raise Temporary(f"unable to read from client: {error_str(error.errno)}") from error
        finally:
            os.close(self._answers_in)
            self._hang_up()

    def wait(self) -> int:
        """Exit code. Raises Temporary when a signal ended it."""
        code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        if code < 0:
            raise Temporary("client crashed")
        return code

    def _is_heard(self) -> bool:
        """Wait for either. Is there an answer, or the end of all?"""
        poll = select.poll()
        poll.register(self._answers_in, select.POLLIN)
        if self._names_out >= 0:
            poll.register(self._names_out, select.POLLOUT)
        return any(fd == self._answers_in for fd, _ in poll.poll())

    def _say(self) -> bool:
        """Some of the names. False: they are all said, or nobody wants to know more."""
        try:
            self._unsaid = self._unsaid[os.write(self._names_out, self._unsaid) :]
        except BrokenPipeError:
            return False
        return bool(self._unsaid)

    def _hang_up(self) -> None:
        if self._names_out >= 0:
            os.close(self._names_out)
            self._names_out = -1


def _be(argv: list[bytes], env: Mapping[bytes, bytes], fds: Mapping[int, int], folder_fd: int) -> NoReturn:
    """In the child. Whatever goes wrong, it never goes on as a second parent."""
    try:
        os.fchdir(folder_fd)
        path_search.become(argv, env, fds)
    except OSError as error:
        Fds().say(b"maildirserial: fatal: unable to run %b: %b\n" % (argv[0], error_str(error.errno).encode()))
    finally:
        os._exit(Temporary.exit)
