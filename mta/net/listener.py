"""Listening addresses: "HOST:PORT" on the command line, and the socket bound to it.

Grammar  HOST is an IPv4 address, an IPv6 address in brackets, a name, or nothing or "*": every address of the machine, IPv6 and IPv4 on one
         socket. An IPv6 address given by name or number takes IPv6 clients only, so that it can stand beside an IPv4 one.
Example  b"127.0.0.1:110", b"[::1]:995", b":25"
Limits   port 0 lets the kernel choose; it is told by name()
"""

from __future__ import annotations

import socket

from mta.errors import Permanent, Temporary

PORT_MAX = 65535
Address = tuple[str, int] | tuple[str, int, int, int]


def split(text: bytes) -> tuple[str, int]:
    """-> (host, port). Raises Permanent: the command line is wrong."""
    host, colon, port = text.rpartition(b":")
    if not colon or not port.isdigit() or int(port) > PORT_MAX or not text.isascii():
        raise Permanent(f"not HOST:PORT: {text.decode('latin-1')}")
    if host.startswith(b"[") and host.endswith(b"]"):
        host = host[1:-1]
    elif b":" in host:
        raise Permanent(f"an IPv6 address wants brackets: {text.decode('latin-1')}")
    return host.decode(), int(port)


def bind(host: str, port: int, reuse_port: bool) -> socket.socket:
    """A bound socket that does not listen yet. reuse_port: other processes may bind the same address, and share its clients.
    Raises Temporary."""
    if host in ("", "*"):
        return _bind_every(port, reuse_port)
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:  # UnicodeError: no host can be called so
        raise Temporary(f"unable to find the address of {host}: {error}") from error
    assert isinstance(address[0], str)  # it is not in a Python without IPv6, and ours has it
    return _bind(family, address, reuse_port, is_ipv6_only=True)


def _bind_every(port: int, reuse_port: bool) -> socket.socket:
    if socket.has_dualstack_ipv6():
        return _bind(socket.AF_INET6, ("::", port), reuse_port, is_ipv6_only=False)
    return _bind(socket.AF_INET, ("0.0.0.0", port), reuse_port, is_ipv6_only=False)  # noqa: S104 - every address was asked for


def _bind(family: int, address: Address, reuse_port: bool, *, is_ipv6_only: bool) -> socket.socket:
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if reuse_port:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, is_ipv6_only)
            sock.bind(address)
        except OSError:
            sock.close()
            raise
    except OSError as error:
        raise Temporary(f"unable to listen on {address[0]} port {address[1]}: {error.strerror}") from error
    return sock


def name(sock: socket.socket) -> bytes:
    """Where a socket is bound, in the form split() reads."""
    address = sock.getsockname()
    host = f"[{address[0]}]" if sock.family == socket.AF_INET6 else address[0]
    return f"{host}:{address[1]}".encode()


def ip(text: str) -> bytes:
    """The address of a peer. An IPv4 address that came through an IPv6 socket is written as what it is."""
    return text.removeprefix("::ffff:").partition("%")[0].encode() if "." in text else text.partition("%")[0].encode()
