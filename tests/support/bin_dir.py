"""bin/ of a home, with programs of ours as deploy/prepare writes them, for tests in which one program runs another by its path."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mta import board
from tests.conftest import ROOT


def install(home: Path, *names: str) -> Path:
    """-> home/bin, made if needed. Thin programs run without site-packages there, the others with those of the tests."""
    folder = home / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        interpreter = f"{Path(sys.executable).resolve()} -IS" if name in board.THIN else f"{sys.executable} -I"
        path = folder / name
        path.write_text(
            f"#!{interpreter}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
            f"from mta import runner\nrunner.run({name!r}, {os.fsencode(home)!r})\n"
        )
        path.chmod(0o755)
    return folder
