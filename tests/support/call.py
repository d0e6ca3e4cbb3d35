"""Runs a program of ours in this process, its descriptors being files, or as a process of its own as bin/NAME does."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass

from mta import runner
from mta.unix.fds import Fds
from tests.conftest import ROOT


@dataclass(frozen=True)
class Result:
    code: int
    out: bytes
    err: bytes


def call(name: str, argv: list[bytes], env: dict[bytes, bytes], stdin: bytes = b"", stdin_fd: int | None = None) -> Result:
    """The program in this process. Its input is stdin, or what stdin_fd has."""
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        source.write(stdin)
        source.seek(0)
        code = runner.call(name, argv, env, Fds({0: source.fileno() if stdin_fd is None else stdin_fd, 1: out.fileno(), 2: err.fileno()}))
        out.seek(0)
        err.seek(0)
        return Result(code, out.read(), err.read())


def command(name: str, home: bytes | None) -> list[str]:
    """The command line of a real process that is the program, without its arguments. home None: what its environment says."""
    text = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from mta import runner; runner.run({name!r}, {home!r})"
    return [os.path.realpath(sys.executable), "-I", "-S", "-c", text]


def process(name: str, argv: list[bytes], env: dict[bytes, bytes], stdin: bytes = b"") -> Result:
    """The program as a process. env must name the instance home."""
    done = subprocess.run([*command(name, env[b"QMAIL_HOME"]), *argv], input=stdin, env=env, capture_output=True, check=False)
    return Result(done.returncode, done.stdout, done.stderr)
