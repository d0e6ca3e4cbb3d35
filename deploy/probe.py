"""Does a service answer, and is it supervised? Used at start and by the health page's lead."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

from deploy.services import Service

TIMEOUT_S = 2.0


def answers(service: Service) -> bool:
    kind, _, rest = service.answers.partition(":")
    try:
        return _PROBES[kind](rest)
    except OSError:
        return False


def _tcp(rest: str) -> bool:
    """Without a greeting a connection is answer enough."""
    address, _, greeting = rest.partition(" ")
    host, _, port = address.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), TIMEOUT_S) as sock:
        return not greeting or sock.recv(64).startswith(greeting.encode())


def _unix(path: str, kind: int = socket.SOCK_STREAM) -> bool:
    with socket.socket(socket.AF_UNIX, kind) as sock:
        sock.settimeout(TIMEOUT_S)
        sock.connect(path)
        return True


def _http(rest: str) -> bool:
    """By hand, for http.client would be a large part of the process that waits beside a running instance."""
    address, _, path = rest.partition("/")
    host, _, port = address.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), TIMEOUT_S) as sock:
        sock.sendall(f"GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
        _, _, status = sock.recv(64).partition(b" ")
        return status[:3].isdigit() and status[:3] < b"400"


_PROBES: dict[str, Callable[[str], bool]] = {
    "tcp": _tcp,
    "unix": _unix,
    "unix-seq": lambda path: _unix(path, socket.SOCK_SEQPACKET),
    "http": _http,
    "file": lambda path: Path(path).exists(),
}


def is_supervised(folder: Path) -> bool:
    """svok: does a supervise hold supervise/ok open?"""
    try:
        os.close(os.open(folder / "supervise/ok", os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def order(folder: Path, letters: bytes) -> bool:
    """svc: letters to supervise/control. False: nobody listens."""
    try:
        fd = os.open(folder / "supervise/control", os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    with os.fdopen(fd, "wb", buffering=0) as control:
        control.write(letters)
    return True
