"""tcpserver, ours or the original, and clients of it.

with Tcpserver("ours", ["-vRHl0"], ["cat"], tmp_path) as server:
    assert server.talk(b"hello") == b"hello"
    server.logged(b"end ")
"""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from tests.support import original
from tests.support.call import command
from tests.support.process import PATIENCE_S, eventually

ENV = {"PATH": "/usr/bin:/bin"}


class Tcpserver:
    """by: "ours" or "original". argv: options, without -1; the host is 127.0.0.1 or what is given, the port a free one."""

    def __init__(
        self,
        by: str,
        argv: Sequence[str | Path],
        program: Sequence[str | Path],
        folder: Path,
        env: Mapping[str, str] = ENV,
        host: str = "127.0.0.1",
    ) -> None:
        start = command("tcpserver", None) if by == "ours" else [original.original("tcpserver")]
        self._log = (folder / f"tcpserver.{by}.log").open("w+b")
        self.host = host
        self.process = subprocess.Popen(
            [*start, "-1", *argv, host, "0", *program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._log, env=env
        )

    def __enter__(self) -> Tcpserver:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self.log
        self.port = int(line)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        assert self.process.stdout
        self.process.stdout.close()
        self._log.close()

    @property
    def log(self) -> bytes:
        return Path(self._log.name).read_bytes()

    def logged(self, text: bytes, times: int = 1) -> None:
        """Wait until it stands in the log so often."""
        eventually(lambda: self.log.count(text) >= times, f"{text!r}: {self.log!r}")

    def connect(self, source: str = "") -> socket.socket:
        """source: an address of this machine, for IPv4 any that begins with 127."""
        host = {"::": "::1", "0": "127.0.0.1"}.get(self.host, self.host)
        return socket.create_connection((host, self.port), PATIENCE_S, (source, 0) if source else None)

    def talk(self, data: bytes = b"", source: str = "") -> bytes:
        """Say data and no more; all that is answered."""
        with self.connect(source) as sock:
            try:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
            except OSError:  # turned away before it could say so
                pass
            return all_of(sock)


def all_of(sock: socket.socket) -> bytes:
    """What comes until the other side closes, which it may do without having read everything."""
    found = b""
    try:
        while piece := sock.recv(1 << 16):
            found += piece
    except ConnectionResetError:
        pass
    return found


def masked(log: bytes) -> list[bytes]:
    """Without process ids and the ports of clients and server."""
    log = re.sub(rb"(?m)^(tcpserver: (?:pid|end|ok|deny)) \d+", rb"\1 PID", log)
    return re.sub(rb"(?m):\d+( |$)", rb":PORT\1", log).splitlines()
