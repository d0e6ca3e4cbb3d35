"""qmail-queue: put one message and its envelope into the queue, or fail without a trace.

Reads    fd 0 the message, verbatim, to its end; then fd 1 the envelope: F sender, T recipient ..., and a NUL that ends it
Writes   nothing itself: it hands both to the queue writer (run/queue-writer), which alone may write in queue/ and knows from the kernel
         which user is asking
Exits    0 queued; 11 address too long; 31 address with a byte no address may hold; 51 memory; 52 time; 53 write or disk full; 54 read,
         or the envelope ended early; 61 home; 62 the queue writer does not answer; 63-66 queue files; 81 bug; 91 envelope format
Limits   1002 octets an address; gives up after 24 hours
Runs as  anybody
Source   qmail-queue(8), DESIGN 4
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the C module: signal would load enum
import _socket
import os

from mta.formats import queue_call
from mta.formats.address import ADDRESS_MAX
from mta.unix.fds import Fds

DEATH_S = 86400
TIMEOUT, READ_ERROR, NO_HOME, NO_WRITER, BUG = 52, 54, 61, 62, 81
_PIECE = 1 << 16
_IGNORED = (_signal.SIGPIPE, _signal.SIGINT, _signal.SIGQUIT, _signal.SIGHUP, _signal.SIGVTALRM, _signal.SIGPROF)


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    home = env[b"QMAIL_HOME"]
    if not os.path.isdir(home):
        return NO_HOME
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        sock.connect(os.path.join(home, queue_call.SOCKET))
    except OSError:
        return NO_WRITER
    return submit(sock, fds)


def submit(sock: _socket.socket, fds: Fds) -> int:
    """All of a message over a connection to the queue writer -> exit code."""
    try:
        while piece := os.read(fds[0], _PIECE):
            sock.sendall(queue_call.frame(0, queue_call.MESSAGE, piece))
        envelope = _read_envelope(fds[1])
    except ConnectionError:
        return NO_WRITER
    except OSError:
        return READ_ERROR
    try:
        sock.sendall(queue_call.frame(0, queue_call.ENVELOPE, envelope))
        return _result(sock)
    except (OSError, ValueError):
        return NO_WRITER


def _read_envelope(fd: int) -> bytes:
    """Up to its closing NUL and not a byte further, or to where nothing could mend it any more."""
    data = b""
    while True:
        piece = os.read(fd, _PIECE)
        data += piece
        end = data.find(b"\0\0", max(0, len(data) - len(piece) - 1))  # a record has a letter: two NULs only stand at the end
        if end >= 0:
            return data[: end + 2]
        last_record = len(data) - data.rfind(b"\0") - 1
        if not piece or last_record > ADDRESS_MAX + 1 or len(data) > queue_call.ENVELOPE_MAX:
            return data[: queue_call.ENVELOPE_MAX]


def _result(sock: _socket.socket) -> int:
    buffer = b""
    while True:
        piece = sock.recv(_PIECE)
        if not piece:
            return NO_WRITER
        buffer += piece
        frames, _ = queue_call.read_frames(buffer)
        if frames:
            return queue_call.read_result(frames[0][2])[0]


def guard() -> None:
    """Signals of a process of our own: called by bin/qmail-queue, not by tests or warm parents."""
    for number in _IGNORED:
        _signal.signal(number, _signal.SIG_IGN)
    _signal.signal(_signal.SIGALRM, lambda _number, _frame: os._exit(TIMEOUT))
    _signal.alarm(DEATH_S)
