"""Hand a message to qmail-queue and learn what became of it: the caller's side, for programs that do one thing at a time.

QMAILQUEUE in the environment names the program to run in qmail-queue's place. Without it the queue writer is asked directly when it
listens, which saves starting a program; else bin/qmail-queue is run. The program gets the message on descriptor 0, the envelope on 1,
may write a reason on 6, and no arguments.
Loaded by programs that run per message: builtins only.
Source   qmail-queue(8), qmail.c; the descriptor 6 of notqmail 1.09
"""

from __future__ import annotations

import _socket
import os

from mta.errors import MailError, Temporary, queue_failure
from mta.formats import envelope, queue_call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_CUSTOM_MAX = 255
_EXEC_FAILED = 120
_READ_ERROR = 54


class QueueCall:
    """One message under way. write() it, then commit() it; abandon() leaves no trace.

    write() and commit() never raise: what went wrong is what commit() returns."""

    qp = 0

    def write(self, data: bytes) -> None:
        raise NotImplementedError

    def commit(self, sender: bytes, recipients: Iterable[bytes]) -> MailError | None:
        """None: the message is on disk and its delivery is now somebody else's duty."""
        raise NotImplementedError

    def abandon(self) -> None:
        raise NotImplementedError


def open_(home: bytes, env: Mapping[bytes, bytes]) -> QueueCall:
    """Begin a message. home: the instance. Raises Temporary when no queue program can be started."""
    program = env.get(b"QMAILQUEUE")
    if program is None:
        sock = _connect(home)
        if sock is not None:
            return _WriterCall(sock)
    return _ProgramCall(home, program or b"bin/qmail-queue")


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

    def commit(self, sender: bytes, recipients: Iterable[bytes]) -> MailError | None:
        self._send(queue_call.ENVELOPE, envelope.write(sender, recipients))
        exit_ = self._result()
        self._sock.close()
        return queue_failure(exit_)

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
                    return exit_
        except (OSError, ValueError):
            pass
        return _READ_ERROR  # the writer went away: nobody knows whether the message was queued, so it was not

    def abandon(self) -> None:
        self._sock.close()


class _ProgramCall(QueueCall):
    def __init__(self, home: bytes, program: bytes) -> None:
        self._is_broken = False
        try:
            message, envelope_, custom = os.pipe(), os.pipe(), os.pipe()
            self.qp = os.fork()
        except OSError as error:
            raise Temporary("unable to exec qq (#4.3.0)", str(error)) from error
        if self.qp == 0:
            _become(home, program, {0: message[0], 1: envelope_[0], 6: custom[1]})
        for fd in (message[0], envelope_[0], custom[1]):
            os.close(fd)
        self._message, self._envelope, self._custom = message[1], envelope_[1], custom[0]

    def write(self, data: bytes) -> None:
        self._write(self._message, data)

    def _write(self, fd: int, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view and not self._is_broken:
                view = view[os.write(fd, view) :]
        except OSError:
            self._is_broken = True

    def commit(self, sender: bytes, recipients: Iterable[bytes]) -> MailError | None:
        os.close(self._message)
        self._write(self._envelope, envelope.write(sender, recipients))
        os.close(self._envelope)
        custom = _read_up_to(self._custom, _CUSTOM_MAX)
        code = self._wait()
        return queue_failure(_READ_ERROR if code == 0 and self._is_broken else code, custom)

    def _wait(self) -> int:
        os.close(self._custom)
        return os.waitstatus_to_exitcode(os.waitpid(self.qp, 0)[1])

    def abandon(self) -> None:
        """An envelope that ends early makes qmail-queue exit 54 and queue nothing."""
        os.close(self._message)
        os.close(self._envelope)
        self._wait()


def _become(home: bytes, program: bytes, fds: Mapping[int, int]) -> None:
    """In the child: wire the descriptors and run the program. Does not return."""
    try:
        # first out of the way of 0, 1 and 6, then into place
        moved = {target: os.dup(fd) for target, fd in fds.items()}
        spare = {target: _above(fd) for target, fd in moved.items()}
        for target, fd in spare.items():
            os.dup2(fd, target, inheritable=True)
        os.chdir(home)
        os.execv(program, [program])
    except OSError:
        pass
    os._exit(_EXEC_FAILED)


def _above(fd: int) -> int:
    """The same file on a descriptor above 6."""
    while fd <= 6:
        fd = os.dup(fd)
    return fd


def _read_up_to(fd: int, limit: int) -> bytes:
    data = b""
    while len(data) < limit:
        piece = os.read(fd, limit - len(data))
        if not piece:
            break
        data += piece
    return data
