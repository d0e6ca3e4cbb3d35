"""A client that says lines and reads replies, one TCP connection; TLS when asked."""

from __future__ import annotations

import socket
import ssl
from types import TracebackType


class Dialog:
    """say() sends a line and returns the whole reply; b"" when the server closed."""

    def __init__(self, port: int, *, greeted: bool = True) -> None:
        self.sock: socket.socket = socket.create_connection(("127.0.0.1", port), 20)
        self._buffer = b""
        self.greeting = self.reply() if greeted else b""

    def __enter__(self) -> Dialog:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def say(self, line: str) -> str:
        self.send(line.encode("latin-1") + b"\r\n")
        return self.reply().decode("latin-1").rstrip("\r\n")

    def reply(self) -> bytes:
        """One reply, all its lines."""
        found = b""
        while True:
            line = self._line()
            found += line
            if not line or line[3:4] != b"-":
                return found

    def _line(self) -> bytes:
        while b"\n" not in self._buffer:
            data = self.sock.recv(65536)
            if not data:
                rest, self._buffer = self._buffer, b""
                return rest
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line + b"\n"

    def is_closed(self) -> bool:
        """Has the server closed? Waits for it."""
        return self._line() == b""

    def start_tls(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.sock = context.wrap_socket(self.sock)
