"""A client that sends any bytes, and hears what it can.

talk(port, b"EHLO c\\r\\n...", is_enough)  # until that is true of what was heard and nothing more comes, or the server closes
with Raw(port) as raw: ...                # step by step; start_tls() when wanted
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
import time
from collections.abc import Callable
from types import TracebackType

PATIENCE_S = 30.0
QUIET_S = 0.5


class Raw:
    def __init__(self, port: int, *, is_tls: bool = False, host: str = "127.0.0.1", source: str = "") -> None:
        self.sock: socket.socket = socket.create_connection((host, port), PATIENCE_S, (source, 0) if source else None)
        self.heard = b""
        self.is_closed = False
        if is_tls:
            self.start_tls()

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.sock.close()

    def start_tls(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.sock = context.wrap_socket(self.sock)

    def send(self, data: bytes) -> None:
        """Nothing is heard meanwhile. Raises OSError."""
        self.sock.sendall(data)

    def until(self, end: bytes) -> bytes:
        """What is heard up to these bytes, or up to the server's end."""
        while end not in self.heard and not self.is_closed:
            self._take()
        at = self.heard.find(end)
        cut = at + len(end) if at >= 0 else len(self.heard)
        found, self.heard = self.heard[:cut], self.heard[cut:]
        return found

    def ask(self, line: bytes) -> bytes:
        """One line, and one reply of one line."""
        self.send(line + b"\r\n")
        return self.until(b"\r\n")

    def rest(self) -> bytes:
        """Until the server closes."""
        while not self.is_closed:
            self._take()
        return self.heard

    def _take(self) -> None:
        try:
            piece = self.sock.recv(1 << 16)
        except ConnectionError:
            piece = b""
        self.heard += piece
        self.is_closed = not piece

    def reset(self) -> None:
        """Away without a farewell: RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def talk(
    port: int, data: bytes, is_enough: Callable[[bytes, bool], bool], *, host: str = "127.0.0.1", waits: bool = True
) -> tuple[bytes, bool]:
    """Send and hear at the same time -> (all that was said after the banner, did the server close?). waits: for the banner."""
    with Raw(port, host=host) as raw:
        if waits:
            raw.until(b"\n")
        sock = raw.sock
        sock.setblocking(False)
        view = memoryview(data)
        deadline, quiet_at = time.monotonic() + PATIENCE_S, time.monotonic() + QUIET_S
        while not raw.is_closed and time.monotonic() < deadline:
            said = raw.heard if waits else raw.heard.partition(b"\n")[2]
            if time.monotonic() > quiet_at and not view and is_enough(said, raw.is_closed):
                break
            readable, writable, _ = select.select([sock], [sock] if view else [], [], 0.05)
            try:
                if writable:
                    view = view[sock.send(view[: 1 << 16]) :]
                if readable:
                    raw._take()
                    quiet_at = time.monotonic() + QUIET_S
            except BlockingIOError:
                continue
            except ConnectionError:
                raw.is_closed = True
        return (raw.heard if waits else raw.heard.partition(b"\r\n")[2]), raw.is_closed
