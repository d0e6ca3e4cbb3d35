"""The original programs, where Debian's packages put them: never one of ours that stands earlier in PATH.

Tests beside them try a few hundred inputs each; with DIFFERENTIAL=full in the environment, as `make differential` has it, some thousands,
new ones each time. TRIED counts how many inputs each original was given, and what is said at the end of the run is that count.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter

import pytest

from tests.support.call import Result, command

_UCSPI_TCP = "addcr argv0 delcr fixcrio mconnect mconnect-io rblsmtpd recordio tcpcat tcpclient tcprules tcprulescheck tcpserver"
PACKAGES = {
    "cdb": "tinycdb",
    **dict.fromkeys(("cdbdump", "cdbget", "cdbmake"), "freecdb"),
    **dict.fromkeys(_UCSPI_TCP.split(), "ucspi-tcp"),
}
IS_FULL = os.environ.get("DIFFERENTIAL") == "full"
TRIED: Counter[str] = Counter()


def rounds(usual: int, full: int = 1000) -> int:
    """How many generated inputs a test tries."""
    return full if IS_FULL else usual


def original(name: str) -> str:
    """Its path. Skips the test, with a word, where it is not installed."""
    path = shutil.which(name, path="/usr/bin:/bin:/usr/local/bin")
    if path is None:
        pytest.skip(f"the original {name} is not installed: apt-get install {PACKAGES.get(name, 'daemontools')}")
    return path


def run(
    name: str,
    argv: list[bytes],
    env: dict[bytes, bytes] | None = None,
    stdin: bytes = b"",
    cwd: str | bytes | os.PathLike[str] | None = None,
    inputs: int = 1,
) -> Result:
    """inputs: how many this one start is given, for the count."""
    TRIED[name] += inputs
    done = subprocess.run([original(name), *argv], input=stdin, env=env or {}, cwd=cwd, capture_output=True, check=False)
    return Result(done.returncode, done.stdout, done.stderr)


def ours(
    name: str,
    argv: list[bytes],
    env: dict[bytes, bytes] | None = None,
    stdin: bytes = b"",
    cwd: str | bytes | os.PathLike[str] | None = None,
) -> Result:
    """Ours as a process, started the same way. It knows of no instance but what env says."""
    done = subprocess.run([*command(name, None), *argv], input=stdin, env=env or {}, cwd=cwd, capture_output=True, check=False)
    return Result(done.returncode, done.stdout, done.stderr)
