"""A small instance for tests: the folders of deploy/hier, one user, generation 1 in force, an empty queue."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy import hier
from mta.unix.generations import Generations, Why

CONTROL = {"me": b"mail.example.org\n", "locals": b"localhost\nmail.example.org\n", "rcpthosts": b"localhost\nmail.example.org\n"}


@dataclass(frozen=True)
class Instance:
    home: Path

    @property
    def octets(self) -> bytes:
        return os.fsencode(self.home)

    @property
    def socket(self) -> bytes:
        """Of the installer."""
        return self.octets + b"/run/installer"

    def read(self, path: str) -> bytes | None:
        """A file below the home, None when it is missing."""
        try:
            return (self.home / path).read_bytes()
        except FileNotFoundError:
            return None


def make_instance(directory: Path, control: Mapping[str, bytes] | None = None) -> Instance:
    """Lay out a $QMAIL_HOME in directory. control: more control files, or others."""
    home = directory / "qmail"
    hier.make(home, hier.TABLE, is_single=True)
    for folder in ("control", "users"):
        (home / folder).mkdir()
    for file, value in {**CONTROL, **(control or {})}.items():
        (home / "control" / file).write_bytes(value)
    (home / "users/assign").write_bytes(b".\n")
    Generations(os.fsencode(home)).adopt(Why(b"tests", b"the first one"))
    return Instance(home)
