"""tcp-env: describe a TCP connection in the environment, for a program that inetd starts.

Usage    tcp-env [-rR] [-tSECONDS] PROGRAM [ARGUMENT ...], PROGRAM being found on PATH
         -r (default) ask the other end who is there (formats/ident), for 30 seconds or those of -t; -R do not
Reads    fd 0, which must be the connection; with PROTO=TCP in the environment all is taken to be there already
Writes   PROTO, TCPLOCALIP, TCPLOCALPORT, TCPLOCALHOST, TCPREMOTEIP, TCPREMOTEPORT, TCPREMOTEHOST, TCPREMOTEINFO (tcp-environ(5));
         names are in lower case, unset if there are none, "softdnserror" if that cannot be known now
Exits    as PROGRAM; 111 usage, fd 0 is no connection, or PROGRAM cannot be run
Limits   IPv6 addresses are written as such; those that hold an IPv4 address, as that. /etc/hosts is looked at, too
Runs as  the user of PROGRAM
Source   tcp-env(1), tcp-environ(5), tcp-env.c
"""

from __future__ import annotations

import _socket
import os

from mta.formats import ident, scan
from mta.formats.sgetopt import BadOption, Options
from mta.unix import path_search
from mta.unix.fds import Fds

IDENT_PORT = ident.PORT
TIMEOUT_S = 30
FAILED = 111

_FOR_EVER_S = 1 << 30
_SOFT_ERROR = b"softdnserror"
_MAPPED = "::ffff:"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    try:
        timeout_s, program = _arguments(argv)
    except BadOption as error:
        fds.say(b"tcp-env: %b\n" % error.text)
        return FAILED
    if not program:
        return FAILED
    try:
        if env.get(b"PROTO") != b"TCP":
            env = describe(fds[0], env, timeout_s)
        path_search.become(program, env, {n: fds[n] for n in (0, 1, 2) if fds[n] != n})
    except OSError:  # no connection, or no program
        return FAILED


def _arguments(argv: list[bytes]) -> tuple[int, list[bytes]]:
    """-> (seconds for the question who is there, 0 for not asking; the program). Raises BadOption."""
    is_asked, timeout_s = True, TIMEOUT_S
    options = Options(argv, "rRt:")
    for letter, value in options:
        if letter == b"t":
            timeout_s = min(scan.ulong(value)[0], _FOR_EVER_S)
        else:
            is_asked = letter == b"r"
    return timeout_s if is_asked else 0, options.operands


def describe(fd: int, env: dict[bytes, bytes], timeout_s: int) -> dict[bytes, bytes]:
    """The environment of the program. Raises OSError when fd is no TCP connection."""
    sock = _socket.socket(fileno=os.dup(fd))
    try:
        local, remote = _end(sock.getsockname()), _end(sock.getpeername())
    finally:
        sock.close()
    found = {**env, b"PROTO": b"TCP"}
    for side, (ip, port) in ((b"LOCAL", local), (b"REMOTE", remote)):
        found[b"TCP%bIP" % side] = ip.encode()
        found[b"TCP%bPORT" % side] = b"%d" % port
        _put(found, b"TCP%bHOST" % side, _name(ip))
    _put(found, b"TCPREMOTEINFO", _who(local, remote, timeout_s) if timeout_s else None)
    return found


def _put(env: dict[bytes, bytes], variable: bytes, value: bytes | None) -> None:
    if value is None:
        env.pop(variable, None)
    else:
        env[variable] = value


def _end(address: object) -> tuple[str, int]:
    """-> (IP, port) of what the kernel says. Raises OSError when that is no internet address."""
    if not isinstance(address, tuple):
        raise OSError("not an internet socket")
    ip: str = address[0]
    if ip.startswith(_MAPPED) and "." in ip:
        ip = ip.removeprefix(_MAPPED)
    return ip, address[1]


def _name(ip: str) -> bytes | None:
    try:
        host, _ = _socket.getnameinfo((ip, 0), _socket.NI_NAMEREQD)
    except _socket.gaierror as error:
        return _SOFT_ERROR if error.errno == _socket.EAI_AGAIN else None
    except OSError:
        return None
    return host.encode("utf-8", "replace").lower()


def _who(local: tuple[str, int], remote: tuple[str, int], timeout_s: int) -> bytes | None:
    """Who the other end says has opened the connection; None: it does not say."""
    family = _socket.AF_INET6 if ":" in local[0] else _socket.AF_INET
    answer = ident.Answer()
    try:
        sock = _socket.socket(family, _socket.SOCK_STREAM)
        try:
            sock.settimeout(timeout_s)
            sock.bind((local[0], 0))
            sock.connect((remote[0], IDENT_PORT))
            sock.sendall(ident.question(remote[1], local[1]))
            while answer.name is None:
                data = sock.recv(1024)
                if not data:
                    return None
                answer.feed(data)
        finally:
            sock.close()
    except OSError:
        return None
    return answer.name
