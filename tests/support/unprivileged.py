"""Processes of tests that must not be root, and a folder they may use: under root they run as a user without rights (nobody's number)."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534
IS_ROOT = os.geteuid() == 0
UID = NOBODY if IS_ROOT else os.geteuid()
GID = NOBODY if IS_ROOT else os.getegid()


def become() -> dict[str, object]:
    """Arguments for subprocess.Popen."""
    return {"user": UID, "group": GID, "extra_groups": []} if IS_ROOT else {}


@contextmanager
def folder() -> Iterator[Path]:
    """A new folder of that user's, in a place that it can reach."""
    path = Path(tempfile.mkdtemp(prefix="tawny-test-", dir="/tmp"))
    try:
        path.chmod(0o711)
        give(path)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def give(*paths: Path, uid: int = UID) -> None:
    """Make them, and all below them, that user's."""
    if not IS_ROOT:
        return
    for top in paths:
        for path in (top, *top.rglob("*")):
            os.chown(path, uid, uid, follow_symlinks=False)
