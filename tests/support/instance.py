"""A small instance for tests: one user, generation 1 in force, an empty queue; and its servers as real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mta.unix.generations import Generations, Why
from tests.conftest import ROOT

CONTROL = {"me": b"mail.example.org\n", "locals": b"localhost\nmail.example.org\n", "rcpthosts": b"localhost\nmail.example.org\n"}
_QUEUE = ("pid", "intd", "todo", "bounce", "lock")
_HASHED = ("mess", "info", "local", "remote")


@dataclass(frozen=True)
class Instance:
    home: Path

    @property
    def home_bytes(self) -> bytes:
        return os.fsencode(self.home)


def make_instance(directory: Path, control: Mapping[str, bytes] | None = None) -> Instance:
    """Lay out a $QMAIL_HOME in directory. control: more control files, or others."""
    home = directory / "qmail"
    for name in ("control", "users", "alias", "bin", "domains", "removed", "service", "run", "webadmin", "webmail"):
        (home / name).mkdir(parents=True)
    for name in _QUEUE:
        (home / "queue" / name).mkdir(parents=True)
    for name in _HASHED:
        for part in range(23):
            (home / "queue" / name / str(part)).mkdir(parents=True)
    (home / "queue/lock/tcpto").write_bytes(bytes(1024))
    (home / "queue/lock/sendmutex").touch()
    os.mkfifo(home / "queue/lock/trigger")
    for file, value in {**CONTROL, **(control or {})}.items():
        (home / "control" / file).write_bytes(value)
    (home / "users/assign").write_bytes(b".\n")
    Generations(os.fsencode(home)).adopt(Why(b"tests", b"the first one"))
    return Instance(home)


@dataclass
class Server:
    process: subprocess.Popen[bytes]
    log: list[bytes] = field(default_factory=list)


@contextmanager
def running(instance: Instance, name: str, *arguments: str) -> Iterator[Server]:
    """A server of the board as a process of its own, from its first line on descriptor 2 until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mta", name, *arguments],
        cwd=ROOT,
        env={**os.environ, "QMAIL_HOME": str(instance.home)},
        stderr=subprocess.PIPE,
    )
    server = Server(process)
    assert process.stderr is not None
    server.log.append(process.stderr.readline())
    reader = threading.Thread(target=server.log.extend, args=(process.stderr,), daemon=True)
    reader.start()
    try:
        yield server
    finally:
        process.terminate()
        process.wait()
        reader.join()
        process.stderr.close()
