"""What a program learns of its connection from its environment: PROTO, TCPLOCALIP, TCPLOCALPORT, TCPLOCALHOST, TCPREMOTEIP, TCPREMOTEPORT,
TCPREMOTEHOST, TCPREMOTEINFO.

Rules    PROTO is TCP, or TCP6 when the addresses are. A name or an info that is not known is no variable at all, whatever stood there
         before. IPv4 addresses as a socket for IPv6 shows them are IPv4 addresses
Limits   257 octets of an info, which is asked for from the address the client has connected to
Loaded by programs that others exec for each connection: builtins and C modules only.
Source   tcp-environ(5), tcpserver.c, tcpclient.c, remoteinfo.c
"""

from __future__ import annotations

import _socket
import os
import time

from mta.errors import Temporary
from mta.formats import ident, scan
from mta.net import dns_stub

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_MAPPED = "::ffff:"
_INFO_MAX = 257
_FOR_EVER_S = 1 << 20  # longer the kernel cannot be asked to wait


class BadPort(ValueError):
    """Neither a number nor the name of a service."""


def port(text: bytes) -> int:
    """Raises BadPort."""
    number = scan.whole(text)
    if number is not None:
        return number & 0xFFFF
    try:
        return _socket.getservbyname(os.fsdecode(text), "tcp")
    except (OSError, UnicodeError, ValueError):  # ValueError: a NUL
        raise BadPort from None


def end(address: tuple[str, int]) -> tuple[str, int]:
    """What a socket calls an address -> (IP, port)."""
    return address[0].removeprefix(_MAPPED) if "." in address[0] else address[0], address[1]


def name_of(env: Mapping[bytes, bytes], ip: str) -> bytes | None:
    """The name of an address; None when it has none, or the name server does not answer."""
    try:
        return dns_stub.name_of(env, ip)
    except Temporary:  # a name is a courtesy: the connection does not wait for it
        return None


def proven_name_of(env: Mapping[bytes, bytes], ip: str) -> bytes | None:
    """The same, if the name has that address."""
    name = name_of(env, ip)
    try:
        return name if name is not None and dns_stub.is_name_of(env, name, ip) else None
    except Temporary:
        return None


def info_of(remote: tuple[str, int], local: tuple[str, int], timeout_s: float) -> bytes | None:
    """Who the client's machine says it is: both are ends of the connection. None: it does not say. timeout_s: for all of it."""
    timeout_s = min(timeout_s, _FOR_EVER_S)
    deadline_s = time.monotonic() + timeout_s
    sock = _socket.socket(_socket.AF_INET6 if ":" in remote[0] else _socket.AF_INET, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        sock.bind((local[0], 0))
        sock.settimeout(timeout_s or 0.001)  # 0 would mean not to wait at all, and fail
        sock.connect((remote[0], ident.PORT))
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
    return None if answer.name is None else answer.name[:_INFO_MAX].partition(b"\0")[0]


def describe(
    env: dict[bytes, bytes], local: tuple[str, int], remote: tuple[str, int], *, local_name: bytes | None, remote_name: bytes | None
) -> None:
    """Put all but TCPREMOTEINFO into the environment."""
    env[b"PROTO"] = b"TCP6" if ":" in local[0] else b"TCP"
    for side, (ip, port_), name in ((b"LOCAL", local, local_name), (b"REMOTE", remote, remote_name)):
        env[b"TCP%bIP" % side] = ip.encode()
        env[b"TCP%bPORT" % side] = b"%d" % port_
        if name is None:
            env.pop(b"TCP%bHOST" % side, None)
        else:
            env[b"TCP%bHOST" % side] = name


def inform(env: dict[bytes, bytes], info: bytes | None) -> None:
    """Put TCPREMOTEINFO into the environment."""
    if info is None:
        env.pop(b"TCPREMOTEINFO", None)
    else:
        env[b"TCPREMOTEINFO"] = info
