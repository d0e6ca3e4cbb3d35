"""A PostgreSQL server of its own, in a temporary folder, for as long as a block lasts."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import unprivileged
from tests.support.process import free_port


def _tool(name: str) -> str:
    """Debian keeps the server's programs off PATH."""
    found = shutil.which(name) or max(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), default=None)
    if found is None:
        pytest.skip(f"{name} is not on this machine: apt-get install postgresql")
    return found


@contextmanager
def running() -> Iterator[str]:
    """-> its DATABASE_URL. Skips the test where PostgreSQL is not installed."""
    initdb, server = _tool("initdb"), _tool("pg_ctl")
    with unprivileged.folder() as folder:
        how = {"capture_output": True, "check": True, "cwd": folder, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}}
        how |= unprivileged.become()
        port = free_port()
        subprocess.run([initdb, "-D", str(folder / "data"), "-A", "trust", "-U", "tawny", "--no-sync"], **how)  # type: ignore[call-overload]
        options = f"-k {folder} -c listen_addresses=127.0.0.1 -p {port} -c fsync=off"
        # its output goes to a file: a pipe would stay open as long as the server lives
        how["capture_output"] = False
        command = [server, "-D", str(folder / "data"), "-l", str(folder / "log"), "-w"]
        subprocess.run([*command, "-o", options, "start"], stdout=subprocess.DEVNULL, **how)  # type: ignore[call-overload]
        try:
            yield f"postgresql://tawny@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*command, "-m", "immediate", "stop"], stdout=subprocess.DEVNULL, **how)  # type: ignore[call-overload]
