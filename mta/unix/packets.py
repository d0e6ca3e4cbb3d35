"""Records with descriptors between two of our processes (SOCK_SEQPACKET), never waiting.

socket.send_fds and recv_fds of Python 3.11 forget the flags they are given, and would wait; and leave the descriptor open for every exec.
Source   unix(7) SCM_RIGHTS, recvmsg(2) MSG_CMSG_CLOEXEC
"""

from __future__ import annotations

import array
import socket
from collections.abc import Sequence

_SEND = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
_RECEIVE = socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
_FD_SIZE = array.array("i").itemsize


def send(sock: socket.socket, data: bytes, fds: Sequence[int]) -> None:
    """Raises BlockingIOError when there is no room now, OSError."""
    sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))], _SEND)


def receive(sock: socket.socket, size_max: int, fds_max: int) -> tuple[bytes, list[int]]:
    """-> (record, its descriptors, as many as the kernel had room for). b"" at the end. Raises BlockingIOError when there is none now,
    OSError."""
    data, ancillary, _, _ = sock.recvmsg(size_max, socket.CMSG_SPACE(_FD_SIZE * fds_max), _RECEIVE)
    fds = array.array("i")
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(payload[: len(payload) - len(payload) % _FD_SIZE])
    return data, fds.tolist()
