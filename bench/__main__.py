"""python -m bench [NAME ...]: run the named benchmarks, or all that can run here, and write docs/performance.md's table afresh."""

from __future__ import annotations

import importlib
import sys

from bench import report

ALL = ("smtp_in", "local_delivery", "local_worker")


def main() -> None:
    for name in sys.argv[1:] or ALL:
        importlib.import_module(f"bench.{name}").main()
    report.write()


main()
