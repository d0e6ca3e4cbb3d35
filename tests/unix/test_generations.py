"""Generations on a real file system, stopped at every call that changes something."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from mta.errors import Permanent
from mta.formats import manifest
from mta.unix import generations
from mta.unix.controls import ControlDir
from mta.unix.disk import Disk
from mta.unix.generations import Generations, Why
from tests.support.instance import Instance, make_instance

WHY = Why(b"ada", b"a test")
CHANGES: dict[bytes, bytes | None] = {b"control/locals": b"new.example.org\n", b"users/assign": b"=new:new:1:1:/new:::\n.\n"}


class Stopped(Exception):
    """The process is dead here."""


class DyingDisk(Disk):
    """Does the first n calls that change something, and none after."""

    def __init__(self, calls: int) -> None:
        self.left = calls
        for name in ("write", "link", "unlink", "rename", "symlink", "mkdir", "chmod", "fchmod", "fsync", "syncfs", "exchange"):
            setattr(self, name, self._counted(getattr(Disk, name)))

    def _counted(self, call: Any) -> Any:
        def counted(*arguments: Any, **names: Any) -> Any:
            if self.left <= 0:
                raise Stopped
            self.left -= 1
            return call(*arguments, **names)

        return counted


def in_force(instance: Instance) -> tuple[bytes, bytes]:
    """What a program reads that starts now."""
    control, users = ControlDir(instance.octets), ControlDir(instance.octets, b"users")
    return control.raw("locals") or b"", users.raw("assign") or b""


OLD = (b"localhost\nmail.example.org\n", b".\n")
NEW = (CHANGES[b"control/locals"], CHANGES[b"users/assign"])


def test_it_puts_all_changes_in_force_together(tmp_path: Path) -> None:
    instance = make_instance(tmp_path)
    found = Generations(instance.octets)
    assert found.install(CHANGES, WHY) == 2
    assert in_force(instance) == NEW
    assert instance.read("control/me") == b"mail.example.org\n"
    assert os.readlink(instance.home / "generations/current") == "2"
    assert os.readlink(instance.home / "control") == "generations/current/control"


def test_it_is_the_old_or_the_new_wherever_it_stops(tmp_path: Path) -> None:
    instance = make_instance(tmp_path)
    seen = set()
    for calls in range(200):
        try:
            Generations(instance.octets, DyingDisk(calls)).install(CHANGES, WHY)
        except Stopped:
            seen.add(in_force(instance))
            assert in_force(instance) in (OLD, NEW)
            if in_force(instance) == NEW:  # it stopped after the switch: start again from the old
                Generations(instance.octets).install({b"control/locals": OLD[0], b"users/assign": OLD[1]}, WHY)
        else:
            break
    else:
        raise AssertionError("it never came to its end")
    assert seen == {OLD, NEW}, "it should have been stopped before and after the switch"
    assert in_force(instance) == NEW
    assert calls > 10


def test_a_reader_keeps_the_generation_it_opened(tmp_path: Path) -> None:
    instance = make_instance(tmp_path)
    reader = ControlDir(instance.octets)
    Generations(instance.octets).install(CHANGES, WHY)
    assert reader.raw("locals") == OLD[0]
    assert not reader.is_fresh()


def test_a_file_can_go(tmp_path: Path) -> None:
    instance = make_instance(tmp_path, {"databytes": b"1\n"})
    Generations(instance.octets).install({b"control/databytes": None}, WHY)
    assert instance.read("control/databytes") is None
    assert instance.read("generations/1/control/databytes") == b"1\n"


def test_older_generations_stay_as_they_were(tmp_path: Path) -> None:
    instance = make_instance(tmp_path)
    found = Generations(instance.octets)
    found.install(CHANGES, WHY)
    (instance.home / "control/me").write_bytes(b"edited by hand\n")
    assert instance.read("generations/1/control/me") == b"mail.example.org\n"
    found.install({b"control/databytes": b"5\n"}, WHY)
    assert instance.read("control/me") == b"edited by hand\n", "an edit by hand goes along"


def test_its_manifest_tells_who_and_what(tmp_path: Path) -> None:
    instance = make_instance(tmp_path)
    Generations(instance.octets).install(CHANGES, WHY)
    found = manifest.read(instance.read("generations/2/manifest") or b"")
    assert (found.number, found.who, found.why) == (2, b"ada", b"a test")
    assert sorted(found.digests) == [b"control/locals", b"control/me", b"control/rcpthosts", b"users/assign"]


def test_the_newest_hundred_are_kept_and_the_one_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generations, "KEPT", 3)
    instance = make_instance(tmp_path)
    found = Generations(instance.octets)
    for size in range(5):
        found.install({b"control/databytes": b"%d\n" % size}, WHY)
    assert found.numbers() == [4, 5, 6]
    assert found.current() == 6


# plain directories, as qmail leaves them


def plain(directory: Path) -> Path:
    home = directory / "qmail"
    (home / "control/domainkeys").mkdir(parents=True)
    (home / "users").mkdir()
    (home / "control/me").write_bytes(b"old.example.org\n")
    (home / "control/locals").write_bytes(OLD[0])
    (home / "control/servercert.pem").write_bytes(b"key\n")
    (home / "control/servercert.pem").chmod(0o640)
    (home / "control/domainkeys/rsa").write_bytes(b"dkim\n")
    (home / "control/clientcert.pem").symlink_to("servercert.pem")
    (home / "users/assign").write_bytes(OLD[1])
    return home


def test_plain_directories_become_the_first_generation(tmp_path: Path) -> None:
    home = plain(tmp_path)
    found = Generations(os.fsencode(home))
    assert found.current() == 0
    assert found.adopt(WHY) == 1
    assert found.adopt(WHY) == 1, "once is enough"
    assert (home / "control").is_symlink()
    assert (home / "users").is_symlink()
    assert (home / "control/me").read_bytes() == b"old.example.org\n"
    assert (home / "control/domainkeys/rsa").read_bytes() == b"dkim\n"
    assert (home / "control/clientcert.pem").read_bytes() == b"key\n", "a relative link still leads there"
    assert stat.S_IMODE((home / "control/servercert.pem").stat().st_mode) == 0o640
    assert (home / "generations/before-1/control/me").read_bytes() == b"old.example.org\n", "the directory itself is kept"


def test_what_is_no_file_of_ours_goes_along(tmp_path: Path) -> None:
    home = plain(tmp_path)
    found = Generations(os.fsencode(home))
    found.install({b"control/databytes": b"1\n"}, WHY)
    assert (home / "control/domainkeys/rsa").read_bytes() == b"dkim\n"
    assert stat.S_IMODE((home / "control/servercert.pem").stat().st_mode) == 0o640
    assert found.files(0) == {
        b"control/databytes": True,
        b"control/locals": True,
        b"control/me": True,
        b"control/servercert.pem": False,
        b"users/assign": True,
    }


def test_adoption_can_stop_anywhere_and_is_done_by_the_next_try(tmp_path: Path) -> None:
    for calls in range(200):
        home = plain(tmp_path / str(calls))
        instance = Instance(home)
        try:
            Generations(os.fsencode(home), DyingDisk(calls)).adopt(WHY)
        except Stopped:
            assert in_force(instance) == OLD
            Generations(os.fsencode(home)).install(CHANGES, WHY)
            assert in_force(instance) == NEW
            assert (home / "control/me").read_bytes() == b"old.example.org\n"
        else:
            break
    assert calls > 10


def test_it_says_that_there_is_no_such_generation(tmp_path: Path) -> None:
    instance = make_instance(tmp_path)
    with pytest.raises(Permanent, match="there is no generation 9"):
        Generations(instance.octets).files(9)
