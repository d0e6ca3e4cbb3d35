"""Ask a client's machine who the client is: TCPREMOTEINFO, as tcpserver and tcpclient have it.

Limits   257 octets of an answer; timeout_s for all of it. The question is asked from the address the client has connected to
Loaded by programs that others exec for each connection: builtins and C modules only.
Source   remoteinfo.c, tcp-environ(5); formats/ident
"""

from __future__ import annotations

import _socket
import time

from mta.formats import ident

_ANSWER_MAX = 257
_FOR_EVER_S = 1 << 20  # longer the kernel cannot be asked to wait


def ask(remote: tuple[str, int], local: tuple[str, int], timeout_s: float, port: int = ident.PORT) -> bytes | None:
    """The ends of the connection. None: no answer. port: of the machine that is asked."""
    timeout_s = min(timeout_s, _FOR_EVER_S)
    deadline_s = time.monotonic() + timeout_s
    sock = _socket.socket(_socket.AF_INET6 if ":" in remote[0] else _socket.AF_INET, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        sock.bind((local[0], 0))
        sock.settimeout(timeout_s or 0.001)  # 0 would mean not to wait at all, and fail
        sock.connect((remote[0], port))
        sock.sendall(ident.question(remote[1], local[1]))
        return _answer(sock, deadline_s)
    except OSError:
        return None
    finally:
        sock.close()


def _answer(sock: _socket.socket, deadline_s: float) -> bytes | None:
    """Raises OSError."""
    answer = ident.Answer()
    while answer.name is None and (left_s := deadline_s - time.monotonic()) > 0:
        sock.settimeout(left_s)
        piece = sock.recv(256)
        if not piece:
            return None
        answer.feed(piece)
    return None if answer.name is None else answer.name[:_ANSWER_MAX].partition(b"\0")[0]
