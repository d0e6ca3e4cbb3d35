"""Collections of a program that lives long."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT


def test_what_is_loaded_is_not_looked_through_again() -> None:
    script = """if True:
        import gc, mta.runner
        from mta.unix.settle import settle
        settle()
        print(len(gc.get_objects()) < 100, gc.get_threshold()[0])
    """
    said = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["True", "20000"]
