"""Hand a message to qmail-queue and learn what became of it: the caller's side, for programs that do one thing at a time.

QMAILQUEUE in the environment names the program to run in qmail-queue's place. Without it bin/qmail-queue is run, if a site has put a
program of its own there; else the queue writer is asked directly when it listens, which saves starting a program. The program gets the
message on descriptor 0, the envelope on 1, may write a reason on 6, and no arguments.
Loaded by programs that run per message: builtins only.
Source   qmail-queue(8), qmail.c; the descriptor 6 of notqmail 1.09
"""

from __future__ import annotations

import _socket
import os

from mta.errors import MailError, Permanent, Temporary, queue_failure
from mta.formats import envelope, queue_call
from mta.formats.address import FORBIDDEN
from mta.unix import exec_, warm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import NoReturn

_PROGRAM = b"bin/qmail-queue"
_OURS = b"runner.run('qmail-queue'"  # what deploy/prepare writes there; behind a link to qmail-qmqpc it is not that
_CUSTOM_MAX = 255
_READ_ERROR, _HOME_TROUBLE, _NO_WRITER, _EXEC_FAILED = 54, 61, 62, 120
_TODO_TROUBLE = 66  # its name may stand in todo/, and not be on disk (unix/queuedir)


class QueueCall:
    """One message under way. write() it, then commit() it; abandon() leaves no trace.

    write() and commit() never raise: what went wrong is what commit() returns. is_uncertain: the message may have been queued all the
    same."""

    qp = 0
    is_uncertain = False

    def write(self, data: bytes) -> None:
        raise NotImplementedError

    def commit(self, sender: bytes, recipients: Iterable[bytes]) -> MailError | None:
        """None: the message is on disk and its delivery is now somebody else's duty."""
        addresses = (sender, *recipients)
        refusal = check(addresses)
        if refusal is not None:
            self.abandon()
            return refusal
        return self._commit(envelope.write(sender, addresses[1:]))

    def _commit(self, envelope_: bytes) -> MailError | None:
        raise NotImplementedError

    def abandon(self) -> None:
        raise NotImplementedError


def check(addresses: Iterable[bytes]) -> MailError | None:
    """What becomes of an envelope with an address that none may hold: a NUL would end the record and begin another."""
    if any(byte in address for address in addresses for byte in FORBIDDEN):
        return Permanent("address with a NUL, CR or LF (#5.1.3)")
    return None


def open_(home: bytes, env: Mapping[bytes, bytes]) -> QueueCall:
    """Begin a message. home: the instance. Raises Temporary when no queue program can be started."""
    program = env.get(b"QMAILQUEUE")
    if program is None and replacement(home) is None:
        sock = _connect(home)
        if sock is not None:
            return _WriterCall(sock)
    return _ProgramCall(home, _PROGRAM if program is None else program, env)


def replacement(home: bytes) -> bytes | None:
    """Path of bin/qmail-queue, when it is a wrapper, the original, or a link to another program. None: it is ours, or missing. A small
    file is read for that, some microseconds for each message."""
    return warm.foreign_program(home, b"qmail-queue", _OURS)


def settle(home: bytes) -> None:
    """Wait until all that the queue writer has been given by processes that are gone is queued, or never will be. What their sockets hold
    it reads at once, and answers nothing before what it read earlier is queued: its answer to a question of ours comes last. With no writer
    there is nothing left to wait for."""
    sock = _connect(home)
    if sock is not None:
        _WriterCall(sock).ask()


def _connect(home: bytes) -> _socket.socket | None:
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        sock.connect(os.path.join(home, queue_call.SOCKET))
    except OSError:
        sock.close()
        return None
    return sock


class _WriterCall(QueueCall):
    def __init__(self, sock: _socket.socket) -> None:
        self._sock = sock
        self._broken = False
        self.qp = os.getpid()

    def write(self, data: bytes) -> None:
        for at in range(0, len(data), queue_call.FRAME_MAX):
            self._send(queue_call.MESSAGE, data[at : at + queue_call.FRAME_MAX])

    def _send(self, kind: bytes, payload: bytes) -> None:
        if self._broken:
            return
        try:
            self._sock.sendall(queue_call.frame(0, kind, payload))
        except OSError:
            self._broken = True

    def _commit(self, envelope_: bytes) -> MailError | None:
        self._send(queue_call.ENVELOPE, envelope_)
        exit_ = self._result()
        self._sock.close()
        return queue_failure(exit_)

    def ask(self) -> None:
        """An envelope that ends early: the answer is that nothing was queued."""
        self._commit(b"")

    def _result(self) -> int:
        buffer = b""
        try:
            while not self._broken:
                data = self._sock.recv(4096)
                if not data:
                    break
                buffer += data
                frames, _ = queue_call.read_frames(buffer)
                if frames:
                    exit_, _messnum, self.qp = queue_call.read_result(frames[0][2])
                    self.is_uncertain = exit_ == _TODO_TROUBLE
                    return exit_
        except (OSError, ValueError):
            pass
        self.is_uncertain = True
        return _READ_ERROR  # the writer went away: nobody knows whether the message was queued, so it was not

    def abandon(self) -> None:
        self._sock.close()


class _ProgramCall(QueueCall):
    def __init__(self, home: bytes, program: bytes, env: Mapping[bytes, bytes]) -> None:
        self._is_broken = False
        opened: list[int] = []
        try:
            for _ in range(3):
                opened += os.pipe()
            self.qp = os.fork()
        except OSError as error:
            for fd in opened:
                os.close(fd)
            raise Temporary("unable to exec qq (#4.3.0)", str(error)) from error
        message, self._message, envelope_, self._envelope, self._custom, custom = opened
        if self.qp == 0:
            _be(home, program, env, {0: message, 1: envelope_, 6: custom})
        for fd in (message, envelope_, custom):
            os.close(fd)

    def write(self, data: bytes) -> None:
        self._write(self._message, data)

    def _write(self, fd: int, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view and not self._is_broken:
                view = view[os.write(fd, view) :]
        except OSError:
            self._is_broken = True

    def _commit(self, envelope_: bytes) -> MailError | None:
        os.close(self._message)
        self._write(self._envelope, envelope_)
        os.close(self._envelope)
        custom = _read_up_to(self._custom, _CUSTOM_MAX)
        code = self._wait()
        self.is_uncertain = code is None or code < 0 or code in (_READ_ERROR, _NO_WRITER, _TODO_TROUBLE)
        if code is None:
            return Temporary("qq waitpid surprise (#4.3.0)")
        return queue_failure(_READ_ERROR if code == 0 and self._is_broken else code, custom)

    def _wait(self) -> int | None:
        """Exit code; negative: the signal that ended it; None: somebody else took it."""
        os.close(self._custom)
        try:
            return os.waitstatus_to_exitcode(os.waitpid(self.qp, 0)[1])
        except ChildProcessError:
            return None

    def abandon(self) -> None:
        """An envelope that ends early makes qmail-queue exit 54 and queue nothing."""
        os.close(self._message)
        os.close(self._envelope)
        self._wait()


def _be(home: bytes, program: bytes, env: Mapping[bytes, bytes], fds: Mapping[int, int]) -> NoReturn:
    """In the child: be the queue program. Whatever goes wrong, the child never goes on as a second parent."""
    exit_ = _HOME_TROUBLE
    try:
        os.chdir(home)
        exit_ = _EXEC_FAILED
        exec_.become(program, [program], env, fds)
    finally:
        os._exit(exit_)


def _read_up_to(fd: int, limit: int) -> bytes:
    data = b""
    while len(data) < limit:
        piece = os.read(fd, limit - len(data))
        if not piece:
            break
        data += piece
    return data
