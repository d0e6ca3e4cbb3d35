"""The original programs, where Debian's packages put them: never one of ours that stands earlier in PATH."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.support.call import Result

PACKAGES = {"cdbmake": "freecdb", "tcprules": "ucspi-tcp", "tcprulescheck": "ucspi-tcp"}


def original(name: str) -> str:
    """Its path. Skips the test, with a word, where it is not installed."""
    path = shutil.which(name, path="/usr/bin:/bin:/usr/local/bin")
    if path is None:
        pytest.skip(f"the original {name} is not installed: apt-get install {PACKAGES.get(name, 'daemontools')}")
    return path


def run(name: str, argv: list[bytes], env: dict[bytes, bytes] | None = None, stdin: bytes = b"") -> Result:
    done = subprocess.run([original(name), *argv], input=stdin, env=env or {}, capture_output=True, check=False)
    return Result(done.returncode, done.stdout, done.stderr)
