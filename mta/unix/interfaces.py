"""Which addresses are this machine's own, and is there a way to another?

Own are all addresses of interfaces that are up, IPv4 and IPv6, and 0.0.0.0 and ::, which lead to ourselves, too. Of the loopback
network 127.0.0.0/8 only what an interface really bears (127.0.0.1).
Source   getifaddrs(3), ipme.c, qmail-remote(8)
"""

from __future__ import annotations

import ctypes
import os
import socket

_IFF_UP = 1
_FAMILIES: dict[int, tuple[int, int]] = {socket.AF_INET: (4, 4), socket.AF_INET6: (8, 16)}  # offset and length in a sockaddr
_NOWHERE = ("0.0.0.0", "::")  # noqa: S104 - addresses to compare with, not to bind to
_DISCARD_PORT = 9
_libc = ctypes.CDLL(None, use_errno=True)


class _Ifaddrs(ctypes.Structure):
    """struct ifaddrs, as far as we read it."""


_Ifaddrs._fields_ = [
    ("next", ctypes.POINTER(_Ifaddrs)),
    ("name", ctypes.c_char_p),
    ("flags", ctypes.c_uint),
    ("addr", ctypes.c_void_p),
]


def own_addresses() -> frozenset[str]:
    """In text form. Raises OSError."""
    first = ctypes.POINTER(_Ifaddrs)()
    if _libc.getifaddrs(ctypes.byref(first)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    found = set(_NOWHERE)
    try:
        entry = first
        while entry:
            address = _address(entry.contents)
            if address is not None:
                found.add(address)
            entry = entry.contents.next
    finally:
        _libc.freeifaddrs(first)
    return frozenset(found)


def _address(entry: _Ifaddrs) -> str | None:
    if not entry.addr or not entry.flags & _IFF_UP:
        return None
    family = ctypes.c_ushort.from_address(entry.addr).value
    place = _FAMILIES.get(family)
    if place is None:
        return None
    offset, length = place
    return socket.inet_ntop(family, ctypes.string_at(entry.addr + offset, length))


def has_route(ip: str) -> bool:
    """Would the kernel know where to send a packet for this IPv6 address? Sends nothing."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.connect((ip, _DISCARD_PORT))
    except OSError:  # no route, or no IPv6 on this machine
        return False
    return True
