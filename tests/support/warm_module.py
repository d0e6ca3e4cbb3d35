"""A service for tests that says what it was started with, as one JSON line on descriptor 1, and then waits to be ended."""

from __future__ import annotations

import atexit
import json
import os
import signal
import sys
import threading
from pathlib import Path

atexit.register(lambda: print("over", flush=True))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
json.dump(
    {
        "argv": sys.argv[1:],
        "env": dict(os.environ),
        "cwd": os.getcwd(),
        "fds": sorted(int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")),
        "handled": [n for n in range(1, signal.NSIG) if callable(signal.getsignal(n)) and n not in (signal.SIGTERM, signal.SIGINT)],
        "pid": os.getpid(),
        "cmdline": Path("/proc/self/cmdline").read_text().rstrip("\0").split("\0"),
        "threads": threading.active_count(),
    },
    sys.stdout,
)
print(flush=True)
os.write(2, b"and descriptor 2\n")
while True:
    signal.pause()
