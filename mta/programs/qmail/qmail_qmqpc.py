"""qmail-qmqpc: give a message to a QMQP server instead of queueing it here; it stands in qmail-queue's place on a mini-qmail.

Reads    fd 0 the message; then fd 1 the envelope, as qmail-queue; control/qmqpservers, an IP address a line
Writes   both to the first server that can be reached, on port 628 (formats/qmqp)
Exits    0 queued there; 31 refused; 51 memory; 54 read; 55 no control/qmqpservers, or no address in it; 56 no socket; 61 home;
         71 refused for now; 72 the last server did not answer, 73 would not listen; 74 one was reached and the conversation broke: no
         other is tried, for it may have the message; 91 envelope format, or it ended early
Limits   10 seconds for a connection, 60 for each read and write. The message is held in memory, for its length goes first
Runs as  anybody
Source   qmail-qmqpc(8), qmail-qmqpc.c
"""

from __future__ import annotations

import _socket
import os

from mta.formats import qmqp
from mta.unix.controls import ControlDir, Unreadable
from mta.unix.fds import Fds

PORT = qmqp.PORT
CONNECT_S, TALK_S = 10, 60
OK, REFUSED, MEMORY, READ_ERROR, NO_CONTROL, NO_SOCKET, NO_HOME = 0, 31, 51, 54, 55, 56, 61
REFUSED_NOW, TIMED_OUT, NO_CONNECTION, BROKEN, BAD_ENVELOPE = 71, 72, 73, 74, 91

_PIECE = 1 << 16
_ANSWERS = {ord("K"): OK, ord("Z"): REFUSED_NOW, ord("D"): REFUSED}


class _Failed(Exception):
    def __init__(self, exit_: int) -> None:
        super().__init__(exit_)
        self.exit = exit_


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    home = env[b"QMAIL_HOME"]
    if not os.path.isdir(home):
        return NO_HOME
    try:
        servers = ControlDir(home).lines("qmqpservers")
        if servers is None:
            return NO_CONTROL
        return _send(_request(fds), servers)
    except Unreadable:
        return NO_CONTROL
    except MemoryError:
        return MEMORY
    except _Failed as failed:
        return failed.exit


def _request(fds: Fds) -> list[bytes]:
    """All that is to be sent. Raises _Failed."""
    try:
        message = []
        while piece := os.read(fds[0], _PIECE):
            message.append(piece)
        sender, recipients = _envelope(_read_envelope(fds[1]))
    except OSError:
        raise _Failed(READ_ERROR) from None
    before, behind = qmqp.frame(sum(map(len, message)), sender, recipients)
    return [before, *message, behind]


def _read_envelope(fd: int) -> bytes:
    """To the empty record that ends it, or to the end. Raises OSError."""
    data = b""
    while piece := os.read(fd, _PIECE):
        data += piece
        if b"\0\0" in data[-len(piece) - 1 :]:  # a record has a letter: two NULs only stand at the end
            break
    return data


def _envelope(data: bytes) -> tuple[bytes, list[bytes]]:
    """F sender, T recipients, and an empty record that ends them. Raises _Failed."""
    records = data.split(b"\0")[:-1]
    try:
        end = records.index(b"", 1)
    except ValueError:  # it ended early: its writer has changed his mind
        raise _Failed(BAD_ENVELOPE) from None
    sender, *recipients = records[:end]
    if sender[:1] != b"F" or any(record[:1] != b"T" for record in recipients):
        raise _Failed(BAD_ENVELOPE)
    return sender[1:], [record[1:] for record in recipients]


def _send(request: list[bytes], servers: list[bytes]) -> int:
    """Exit code."""
    last = NO_CONTROL
    for server in servers:
        family = _family(server)
        if family is None:
            continue
        try:
            sock = _socket.socket(family, _socket.SOCK_STREAM)
        except OSError:
            return NO_SOCKET
        try:
            sock.settimeout(CONNECT_S)
            sock.connect((server.decode("ascii"), PORT))
        except TimeoutError:
            last = TIMED_OUT
        except OSError:
            last = NO_CONNECTION
        else:
            return _talk(sock, request)
        finally:
            sock.close()
    return last


def _family(server: bytes) -> int | None:
    """Of an IP address; None for anything else."""
    for family in (_socket.AF_INET, _socket.AF_INET6):
        try:
            _socket.inet_pton(family, server.decode("ascii"))
        except (OSError, ValueError):
            continue
        return family
    return None


def _talk(sock: _socket.socket, request: list[bytes]) -> int:
    """Exit code. The first letter of the answer tells."""
    sock.settimeout(TALK_S)
    try:
        for piece in request:
            view = memoryview(piece)
            while view:
                view = view[sock.send(view[:_PIECE]) :]
        while data := sock.recv(_PIECE):
            for byte in data:
                if byte in _ANSWERS:
                    return _ANSWERS[byte]
    except OSError:
        pass
    return BROKEN
