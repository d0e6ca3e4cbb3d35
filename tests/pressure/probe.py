"""A client that looks in again and again, in a process of its own so that nothing but the server makes it wait.

    with Probe(port, every_s=0.2) as probe: ...
    probe.looks                   # [Look(at_s, banner_s, whole_s), ...]; a look that failed has infinity for what never came

Look      connect, wait for the banner, EHLO, wait for the answer, QUIT; POP3: CAPA in EHLO's place
Run as    python -m tests.pressure.probe PORT EVERY_S WORD [tls]: a line for each look until it is ended; WORD is EHLO or CAPA
"""

from __future__ import annotations

import math
import os
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from types import TracebackType

from tests.conftest import ROOT

PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Look:
    at_s: float
    banner_s: float
    whole_s: float


class Probe:
    def __init__(self, port: int, *, every_s: float, word: str = "EHLO", is_tls: bool = False) -> None:
        self._words = [str(port), str(every_s), word, *(["tls"] if is_tls else [])]
        self._out = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed at the end

    def __enter__(self) -> Probe:
        command = [sys.executable, "-m", "tests.pressure.probe", *self._words]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=self._out)
        while not self.looks:  # the first look meets the start of this process
            time.sleep(0.01)
            assert self._process.poll() is None, "the probe ended by itself"
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE_S)
        self._found = self.looks
        self._out.close()

    @property
    def looks(self) -> list[Look]:
        if self._out.closed:
            return self._found
        text = os.pread(self._out.fileno(), 1 << 26, 0).decode()
        return [Look(*map(float, line.split())) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    @property
    def failed(self) -> int:
        return sum(math.isinf(look.whole_s) for look in self.looks)

    def row(self) -> dict[str, object]:
        """For a table, in milliseconds."""
        banners, wholes = ([getattr(look, name) * 1000 for look in self.looks] for name in ("banner_s", "whole_s"))
        return {
            "looks": len(banners),
            "banner p50 ms": round(statistics.median(banners), 1),
            "p99 ms": round(percentile(banners, 99), 1),
            "max ms": round(max(banners), 1),
            "EHLO answered, max ms": round(max(wholes), 1),
        }

    @property
    def slowest_banner_s(self) -> float:
        return max(look.banner_s for look in self.looks)

    @property
    def slowest_s(self) -> float:
        return max(look.whole_s for look in self.looks)


def percentile(values: list[float], percent: float) -> float:
    """The nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def look(port: int, word: bytes, context: ssl.SSLContext | None) -> tuple[float, float]:
    begun = time.monotonic()
    banner = math.inf
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as plain:
            sock = context.wrap_socket(plain) if context is not None else plain
            with sock, sock.makefile("rb") as file:
                if not file.readline().startswith((b"220 ", b"+OK")):
                    return math.inf, math.inf
                banner = time.monotonic() - begun
                sock.sendall(word + b"\r\n")
                if not _answer(file.readline, word):
                    return banner, math.inf
                whole = time.monotonic() - begun
                sock.sendall(b"QUIT\r\n")
                return banner, whole
    except OSError:
        return banner, math.inf


def _answer(readline: object, word: bytes) -> bool:
    while line := readline():  # type: ignore[operator]
        if line[:4] == b"250 " or (word == b"CAPA" and line == b".\r\n"):
            return True
    return False


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    port, every_s, word = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3].encode()
    context = None
    if "tls" in sys.argv[4:]:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    begun = time.monotonic()
    while True:
        at = time.monotonic()
        banner_s, whole_s = look(port, word, context)
        print(f"{at - begun:.3f} {banner_s:.6f} {whole_s:.6f}", flush=True)
        time.sleep(max(0.0, at + every_s - time.monotonic()))


if __name__ == "__main__":
    main()
