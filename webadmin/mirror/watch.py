"""Look for files that were changed by hand (drift), as a task: the pages show what it found without looking themselves."""

from __future__ import annotations

from webadmin.mirror import drift
from webadmin.runs import Run

SHOWN_MAX = 1000


def drift_check(run: Run) -> None:
    """details: number; differences, each with scope, path and kind. Raises Temporary, ValidationError."""
    found = drift.find()
    run.details = {
        "number": len(found),
        "differences": [{"scope": d.scope, "path": d.path, "kind": d.kind} for d in found[:SHOWN_MAX]],
    }
    run.summary = f"{len(found)} files differ from the database" if found else "the files are as the database has them"
