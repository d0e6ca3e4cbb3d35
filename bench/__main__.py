"""python -m bench [NAME ...]: run the named benchmarks, or all of them, and write docs/performance.md's tables afresh."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

from bench import report

# mail coming in, going out, and waiting; being read; what it is made of; administration
ALL = (
    "smtp_in",
    "ack_latency",
    "local_delivery",
    "many_recipients",
    "deep_queue",
    "pop3",
    "webmail",
    "local_worker",
    "exec_start",
    "multilog",
    "cdb",
    "analyse_logs",
    "idle",
)


def main() -> None:
    names = sys.argv[1:] or ALL
    if os.geteuid() != 0:
        sys.exit("bench: root is needed, to mount a fresh file system and to give every process its own user")
    unknown = [name for name in names if name not in ALL]
    if unknown:
        sys.exit(f"bench: {' '.join(unknown)}? There are: {' '.join(ALL)}")
    if len(names) == 1:
        importlib.import_module(f"bench.{names[0]}").main()
        failed = []
    else:  # a process each: what one has loaded or left open must not be the next one's
        failed = [name for name in names if subprocess.run([sys.executable, "-m", "bench", name], check=False).returncode]
    report.write()
    if failed:
        sys.exit(f"bench: not measured: {' '.join(failed)}")


if __name__ == "__main__":
    main()
