from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs.queue_tools.machine import Machine
from tests.support.call import Result, call
from tests.support.unprivileged import GID, IS_ROOT, UID, folder


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    with folder() as path:
        yield Machine(path, monkeypatch)


def maildir(home: Path, uid: int = UID) -> Path:
    path = home / "Maildir"
    path.mkdir()
    if IS_ROOT:
        os.chown(path, uid, GID)
    return path


def look(*names: str) -> Result:
    return call("checkhomeownership", [name.encode() for name in names], {})


def line(machine: Machine, name: str, what: str) -> bytes:
    return f"{UID}: {name}, {machine.path / name}, {what.replace('HOME', str(machine.path / name))}\n".encode()


def test_all_is_well(machine: Machine) -> None:
    maildir(machine.user("joe"))
    assert look() == Result(0, line(machine, "joe", "ok"), b"")


@pytest.mark.parametrize(
    ("mode", "what"),
    [(0o777, "home dir is writable by others"), (0o1755, "home dir has the sticky bit set"), (0o775, "ok"), (0o700, "ok")],
)
def test_modes_of_a_home(mode: int, what: str, machine: Machine) -> None:
    home = machine.user("joe")
    maildir(home)
    home.chmod(mode)
    assert look().out == line(machine, "joe", what)


def test_a_maildir_that_is_missing_or_open(machine: Machine) -> None:
    machine.user("joe")
    maildir(machine.user("ann")).chmod(0o702)
    (machine.user("bo") / "Maildir").touch()
    assert look() == Result(
        1,
        line(machine, "joe", "HOME/Maildir doesn't exist")
        + line(machine, "ann", "HOME/Maildir is writable by others")
        + line(machine, "bo", "HOME/Maildir doesn't exist"),
        b"",
    )


def test_a_home_that_is_missing(machine: Machine) -> None:
    machine.user("joe", has_home=False)
    machine.user("ann", has_home=False).touch()
    assert look().out == b"".join(line(machine, name, "home dir  doesn't exist (passwd: HOME)") for name in ("joe", "ann"))


@pytest.mark.root
@pytest.mark.skipif(not IS_ROOT, reason="only root can give files away")
def test_what_belongs_to_somebody_else(machine: Machine) -> None:
    machine.user("joe", owner=0)
    machine.user("ann", owner=54321)
    maildir(machine.user("bo"), 0)
    assert look() == Result(
        1,
        line(machine, "joe", "home dir is owned by 0, who is root")
        + line(machine, "ann", "home dir is owned by 54321, who is nobody known")
        + line(machine, "bo", "HOME/Maildir is owned by 0, who is root"),
        b"",
    )


def test_only_those_that_are_named(machine: Machine) -> None:
    maildir(machine.user("joe"))
    machine.user("ann")
    assert look("joe") == Result(0, line(machine, "joe", "ok"), b"")
    assert look("none") == Result(111, b"", b"checkhomeownership: fatal: unknown account: 'none'\n")
