"""qmail-getpw: the choice itself is tested in decisions/test_getpw; here, what the system says. Conformance cases U08, U09."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from mta.programs.qmail import qmail_getpw
from tests.support.call import Result, call


class System:
    """Stands in for the user database and for stat of home directories."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.env = {b"QMAIL_HOME": os.fsencode(home)}
        self.users: dict[str, pwd.struct_passwd] = {}
        self.home = home
        for name in ("queue", "alias"):
            (home / name).mkdir()
        monkeypatch.setattr(qmail_getpw.accounts, "single", lambda _: None)
        monkeypatch.setattr(qmail_getpw.pwd, "getpwnam", self._getpwnam)
        monkeypatch.setattr(qmail_getpw, "_is_absent", lambda name: name != b"broken")
        self.add("alias", 7790, "/var/qmail/alias")

    def add(self, name: str, uid: int, home: str) -> None:
        self.users[name] = pwd.struct_passwd((name, "x", uid, uid + 1, "", home, "/bin/sh"))

    def _getpwnam(self, name: str) -> pwd.struct_passwd:
        return self.users[name]

    def run(self, *argv: bytes) -> Result:
        return call("qmail-getpw", list(argv), self.env)


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    return System(tmp_path, monkeypatch)


def owned(folder: Path) -> tuple[int, str]:
    """A home directory -> (the uid that owns it, its path). Root's homes are given away, for root never counts."""
    folder.mkdir()
    if os.getuid() == 0:
        os.chown(folder, 7901, 7901)
    return folder.stat().st_uid, str(folder)


def test_u08_six_fields_each_with_a_nul(system: System, tmp_path: Path) -> None:
    uid, home = owned(tmp_path / "joe")
    system.add("joe", uid, home)
    expected = b"joe\0%d\0%d\0%b\0-\0Ext-Two\0" % (uid, uid + 1, home.encode())
    assert system.run(b"Joe-Ext-Two") == Result(0, expected, b"")


def test_u09_root_is_never_found(system: System) -> None:
    system.add("root", 0, "/root")
    assert system.run(b"root") == Result(0, b"alias\x007790\x007791\0%b/alias\0-\0root\0" % os.fsencode(system.home), b"")


def test_alias_is_at_home_in_this_instance(system: System) -> None:
    """The user was made for the first instance of the machine; a second one has its own alias/."""
    system.add("alias", 7790, "/elsewhere/alias")
    here = os.fsencode(system.home) + b"/alias"
    assert system.run(b"nobody").out.split(b"\0")[3] == here
    assert system.run(b"alias-cars-info").out.split(b"\0")[3:] == [here, b"-", b"cars-info", b""]


def test_a_user_who_does_not_own_his_home_does_not_count(system: System, tmp_path: Path) -> None:
    uid, home = owned(tmp_path / "joe")
    system.add("joe", uid + 1, home)
    system.add("ann", uid, str(tmp_path / "gone"))
    assert system.run(b"joe").out.startswith(b"alias\0")
    assert system.run(b"ann").out.startswith(b"alias\0")


def test_a_home_that_does_not_answer_is_no_reason_to_bounce(system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system.add("joe", 7901, "/net/joe")
    monkeypatch.setattr(qmail_getpw.os, "stat", _stale)
    assert system.run(b"joe-x") == Result(115, b"", b"")


def _stale(path: bytes) -> os.stat_result:
    raise TimeoutError(110, "timed out")


def test_a_user_database_that_does_not_answer_is_none_either(system: System) -> None:
    assert system.run(b"broken") == Result(118, b"", b"")


def test_without_an_alias_user_there_is_no_answer(system: System) -> None:
    del system.users["alias"]
    assert system.run(b"nobody-here") == Result(116, b"", b"")


def test_without_an_address_it_stops() -> None:
    assert call("qmail-getpw", [], {}) == Result(100, b"", b"")


def test_an_instance_of_one_user_finds_that_user_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("queue", "alias"):
        (tmp_path / name).mkdir()
        if os.getuid() == 0:
            os.chown(tmp_path / name, 7901, 7902)
    uid, home = owned(tmp_path / "me")
    entries = {"me": (uid, home), "other": (uid + 1, home)}
    entry = lambda name: pwd.struct_passwd((name, "x", entries[name][0], 5, "", entries[name][1], ""))  # noqa: E731
    monkeypatch.setattr(qmail_getpw.pwd, "getpwnam", entry)
    env = {b"QMAIL_HOME": os.fsencode(tmp_path)}
    assert call("qmail-getpw", [b"me-x"], env).out == b"me\0%d\x005\0%b\0-\0x\0" % (uid, home.encode())
    gid = (tmp_path / "queue").stat().st_gid
    assert call("qmail-getpw", [b"other"], env).out == b"alias\0%d\0%d\0%b/alias\0-\0other\0" % (uid, gid, os.fsencode(tmp_path))


def test_the_system_says_itself_who_is_absent() -> None:
    assert qmail_getpw._is_absent(b"no-such-user-here")
    assert not qmail_getpw._is_absent(b"root")
