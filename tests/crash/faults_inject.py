"""Make system calls of running programs fail: strace attached to living processes, for as long as a block lasts.

    with failing(plane.processes("queue-writer"), "fsync", "EIO"):           # each one fails
    with failing(plane.processes("qmail-local"), "linkat", "ENOSPC", when="1+2"):    # the first, the third, the fifth ...
The call is not made then. Threads and children that come later are included.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

PATIENCE_S = 20.0


@cache
def why_not() -> str | None:
    """Why nothing can be injected here, or None."""
    if shutil.which("strace") is None:
        return "strace is not installed (apt-get install strace)"
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        with failing([sleeper.pid], "nanosleep", "EINTR"):
            return None
    except AssertionError as error:
        return f"strace cannot be attached to a process here: {error}"
    finally:
        sleeper.kill()
        sleeper.wait()


@contextmanager
def injecting(pids: Sequence[int], what: str) -> Iterator[None]:
    """what: of strace -e inject=. Nobody is attached to any more afterwards."""
    assert pids, "there is no such process"
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said"
        call = what.partition(":")[0]
        words = ["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={what}"]
        with said.open("wb") as file:
            strace = subprocess.Popen([*words, *(f"--attach={pid}" for pid in pids)], stderr=file)
        try:
            deadline = time.monotonic() + PATIENCE_S
            while said.read_text().count(" attached") < len(pids):
                assert strace.poll() is None and time.monotonic() < deadline, said.read_text()
                time.sleep(0.005)
            yield
        finally:
            strace.terminate()
            strace.wait(PATIENCE_S)


@contextmanager
def failing(pids: Sequence[int], call: str, error: str, when: str = "1+") -> Iterator[None]:
    with injecting(pids, f"{call}:error={error}:when={when}"):
        yield


@contextmanager
def slow(pids: Sequence[int], call: str, delay_s: float) -> Iterator[None]:
    """Each call takes so much longer."""
    with injecting(pids, f"{call}:delay_enter={int(delay_s * 1e6)}"):
        yield
