"""How long does a program take that others start for each message, from its start to its exit, beside a bare interpreter?

Each program does the least that is its work, with a queue that says "queued" at once, so that what is measured is its start.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import measure
from bench.measure import Series
from mta.formats import queue_call

RUNS = 101
CHECKOUT = Path(__file__).resolve().parent.parent
PYTHON = [os.path.realpath(sys.executable), "-I", "-S", "-c"]
MESSAGE = b"To: joe@example.org\nSubject: x\n\nhello\n"
LINES = {"NEWSENDER": "ada@example.org", "DTLINE": "Delivered-To: joe@example.org\n", "SENDER": "ada@example.org"}
# name: (arguments, exit code when its work is done)
PROGRAMS: dict[str, tuple[list[str], int]] = {
    "qmail-inject": ([], 0),
    "qmail-queue": ([], 0),
    "sendmail": (["-t"], 0),
    "forward": (["bo@example.org"], 0),
    "condredirect": (["bo@example.org", "/bin/true"], 99),
    "bouncesaying": (["no"], 100),
    "maildirmake": (["{0}/Maildir"], 0),
    "qreceipt": (["joe@example.org"], 0),
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, queue(folder):
        home = Path(folder)
        (home / "control").mkdir()
        (home / "control/me").write_text("mail.example.org\n")
        (home / "message").write_bytes(MESSAGE)
        (home / "envelope").write_bytes(b"Fada@example.org\0Tbo@example.org\0\0")
        found = {"python3 -I -S -c pass": Series("interpreter", "python3 -I -S -c pass", "ms")}
        for _ in range(RUNS):
            found["python3 -I -S -c pass"].runs.append(milliseconds([*PYTHON, "pass"], home, 0))
            for name, (argv, code) in PROGRAMS.items():
                shutil.rmtree(home / "Maildir", ignore_errors=True)
                words = [*PYTHON, start(name, home), *(word.format(folder) for word in argv)]
                found.setdefault(name, Series("Tawny", name, "ms")).runs.append(milliseconds(words, home, code))
    bare = found["python3 -I -S -c pass"].median
    for name in PROGRAMS:
        sys.stdout.write(f"{name:14} {found[name].median / bare:.2f} bare starts\n")
    notes = f"Medians of {RUNS} starts in turn, a message of {len(MESSAGE)} octets, a queue that answers at once."
    measure.save("exec_start", "Programs that others start for each message", list(found.values()), notes)


def start(name: str, home: Path) -> str:
    """What bin/NAME does."""
    return f"import sys; sys.path.insert(0, {str(CHECKOUT)!r}); from mta import runner; runner.run({name!r}, {os.fsencode(home)!r})"


def milliseconds(words: list[str], home: Path, code: int) -> float:
    """A start that does not end as it should spoils the figure: that is the end."""
    with (home / "message").open("rb") as message, (home / "envelope").open("r+b") as envelope:
        out = envelope if "qmail-queue" in words[-1] else subprocess.DEVNULL
        begun = time.perf_counter()
        done = subprocess.run(words, stdin=message, stdout=out, stderr=subprocess.DEVNULL, env=LINES, check=False)
        taken = time.perf_counter() - begun
    if done.returncode != code:
        sys.exit(f"bench: {words[-1]} exited {done.returncode}")
    return taken * 1000


@contextmanager
def queue(folder: str) -> Iterator[None]:
    """Something in the queue writer's place that says yes at once."""
    os.mkdir(os.path.join(folder, "run"))
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(os.path.join(os.fsencode(folder), queue_call.SOCKET))
        sock.listen(64)
        thread = threading.Thread(target=_answer, args=(sock,), daemon=True)
        thread.start()
        yield


def _answer(sock: socket.socket) -> None:
    while True:
        try:
            client, _ = sock.accept()
        except OSError:
            return
        with client:
            buffer = b""
            while data := client.recv(1 << 16):
                buffer += data
                frames, used = queue_call.read_frames(buffer)
                buffer = buffer[used:]
                if any(kind == queue_call.ENVELOPE for _, kind, _ in frames):
                    client.sendall(queue_call.result(0, 0, 1, 1))
