"""`make fuzz`, or python -m tests.fuzz [--seconds N] [TARGET ...]: each target for its share of N seconds, from its seeds on.

Exits 1 when something was found; the input stands there as a row for tests/fuzz/seeds.py, made as small as it goes.
"""

from __future__ import annotations

import argparse
import random
import sys
import time

from tests.fuzz import seeds
from tests.fuzz.engine import Run, smaller
from tests.fuzz.targets import TARGETS


def main() -> int:
    parser = argparse.ArgumentParser(prog="fuzz")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=time.time_ns(), help="of the random numbers: the same finds the same")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    options = parser.parse_args()
    names = options.targets or list(TARGETS)
    print(f"seed {options.seed}", flush=True)
    found = 0
    for name in names:
        run = Run(TARGETS[name], seeds.of(name), random.Random(options.seed))
        run.for_seconds(options.seconds / len(names))
        print(f"{name:14} {run.tried:8} inputs  {len(run.trace.pairs):6} pairs of lines  {len(run.findings)} findings", flush=True)
        for finding in run.findings.values():
            print(finding.trace)
            print(f'    ("FOUND", {smaller(run.target, finding.data)!r}),', flush=True)
        found += len(run.findings)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
