"""Put a question (formats/ask) to one of our processes and wait for the answer. Raises Temporary when there is none in time."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

from mta.errors import Temporary
from mta.formats import ask as format_

TIMEOUT_S = 30.0


def ask(path: bytes, words: list[bytes], timeout_s: float = TIMEOUT_S) -> list[bytes]:
    """path: of the socket -> the words of the answer, at least one."""
    name = os.path.basename(path).decode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout_s)
        try:
            sock.connect(path)
            _send(sock, words)
            answer = next(lists(sock), [])
        except (OSError, ValueError) as error:
            raise Temporary(f"{name} does not answer: {error}") from error
    if not answer:
        raise Temporary(f"{name} closed the connection without an answer")
    return answer


def _send(sock: socket.socket, words: list[bytes]) -> None:
    try:
        sock.sendall(format_.write(words))
    except BrokenPipeError:
        pass  # it would not hear us out, and may have said why


def lists(sock: socket.socket) -> Iterator[list[bytes]]:
    """Questions or answers as they come, until the other end closes. Raises OSError, and ValueError for anything else."""
    buffer = bytearray()
    while piece := sock.recv(1 << 18):
        buffer += piece
        while len(buffer) >= _needed(buffer) and (found := format_.read(bytes(buffer))) is not None:
            words, used = found
            del buffer[:used]
            yield words


def _needed(buffer: bytearray) -> int:
    """Octets below which there is no use in reading: a long list comes in many pieces."""
    digits, colon, _ = buffer[:12].partition(b":")
    return len(digits) + int(digits) + 2 if colon and digits.isdigit() else 1


def peer_uid(sock: socket.socket) -> int:
    """Who is at the other end of a Unix socket, as the kernel says."""
    return int.from_bytes(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[4:8], "little")


def listen(
    path: bytes, *, mode: int, owner: tuple[int, int] | None = None, backlog: int = 128, kind: int = socket.SOCK_STREAM
) -> socket.socket:
    """A listening Unix socket in place of whatever stood there. mode: who may connect. Raises OSError."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    sock = socket.socket(socket.AF_UNIX, kind)
    old_mask = os.umask(0o777)  # nobody may connect before mode and owner are set
    try:
        sock.bind(path)
    finally:
        os.umask(old_mask)
    if owner is not None:
        os.chown(path, *owner)
    os.chmod(path, mode)
    sock.listen(backlog)
    return sock
