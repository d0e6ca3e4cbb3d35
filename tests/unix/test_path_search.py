from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

TOOLS = [("shut/tool", "#!/bin/sh\necho shut\n", 0o644), ("open/tool", 'echo "open $1"\n', 0o755), ("tool", "echo here\n", 0o755)]


def become(name: bytes, path: bytes, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    env = {b"PATH": path.replace(b"{0}", os.fsencode(cwd))}
    lines = ["import sys", f"sys.path.insert(0, {str(ROOT)!r})", "from mta.unix import path_search"]
    lines.append(f"path_search.become({[name, b'a b']!r}, {env!r}, {{}})")
    return subprocess.run([sys.executable, "-I", "-S", "-c", "\n".join(lines)], capture_output=True, check=False, cwd=cwd)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text, mode in TOOLS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)
    return tmp_path


@pytest.mark.parametrize(
    ("why", "path", "out"),
    [
        ("the first folder that has it", b"{0}/nowhere:{0}/open", b"open a b\n"),
        ("one that may not be run is passed over", b"{0}/shut:{0}/open", b"open a b\n"),
        ("no folder is the working directory", b":{0}/open", b"here\n"),
        ("a file in place of a folder is passed over", b"{0}/tool:{0}/open", b"open a b\n"),
    ],
)
def test_it_is_looked_for_in_path(folder: Path, why: str, path: bytes, out: bytes) -> None:
    done = become(b"tool", path, folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, out, b""), why


@pytest.mark.parametrize(
    ("why", "name", "path", "trouble"),
    [
        ("nobody has it", b"no-tool", b"{0}/open", b"FileNotFoundError"),
        ("it has no name", b"", b"{0}/open", b"FileNotFoundError"),
        ("the only one may not be run", b"tool", b"{0}/shut:{0}/nowhere", b"PermissionError"),
        ("a slash means: this one", b"./no-tool", b"{0}/open", b"FileNotFoundError"),
    ],
)
def test_a_search_in_vain_says_why(folder: Path, why: str, name: bytes, path: bytes, trouble: bytes) -> None:
    done = become(name, path, folder)
    assert done.returncode == 1 and trouble in done.stderr, why
