"""python -m deploy.bin_file: one program of ours for a home that is somebody else's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT


def bin_file(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {"QMAIL_HOME": str(home), "PATH": "/usr/bin:/bin"}
    return subprocess.run([sys.executable, "-m", "deploy.bin_file", *words], env=env, cwd=ROOT, capture_output=True, text=True, check=False)


def test_what_it_prints_is_the_program(tmp_path: Path) -> None:
    file = tmp_path / "qmail-getpw"
    file.write_text(bin_file(tmp_path, "qmail-getpw").stdout)
    file.chmod(0o755)
    assert subprocess.run([file], check=False).returncode == 100  # its usage
    assert repr(bytes(tmp_path)) in file.read_text()


def test_a_name_that_is_none_prints_nothing(tmp_path: Path) -> None:
    for words in ([], ["qmail-nothing"], ["qmail-getpw", "qmail-send"]):
        done = bin_file(tmp_path, *words)
        assert done.returncode == 1 and done.stdout == "" and "usage" in done.stderr
