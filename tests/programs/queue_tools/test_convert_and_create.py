"""convert-and-create: mboxes of users become Maildirs of theirs, or stay what they are."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs.queue_tools.machine import Machine
from tests.support.call import Result, call
from tests.support.unprivileged import IS_ROOT, UID, folder, give

MBOX = b"""From ada@example.org Sat Jan 03 01:05:34 1996
Subject: one

>From here
From there

From bo@example.org Sat Jan 03 01:05:35 1996
Subject: two

"""
MESSAGES = [b"Subject: one\n\nFrom here\nFrom there\n", b"Subject: two\n"]


class Site(Machine):
    """With a spool beside the homes."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(path, monkeypatch)
        self.spool = path / "spool"
        self.spool.mkdir()

    def mbox(self, name: str, data: bytes = MBOX) -> Path:
        path = self.spool / name
        path.write_bytes(data)
        give(path)
        return path

    def convert(self, *argv: str) -> Result:
        return call("convert-and-create", [os.fsencode(word) for word in ("-s", str(self.spool), *argv)], {})


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with folder() as path:
        yield Site(path, monkeypatch)


def mail(home: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((home / "Maildir/new").iterdir(), key=lambda path: path.name)]


def test_an_mbox_becomes_a_maildir(site: Site) -> None:
    home, mbox = site.user("joe"), site.mbox("joe")
    assert site.convert() == Result(0, b"joe: 2 messages\n", b"")
    assert mail(home) == MESSAGES
    assert mbox.read_bytes() == MBOX
    for path in (home / "Maildir", *(home / "Maildir" / name for name in ("tmp", "new", "cur"))):
        assert (path.stat().st_mode & 0o777, path.stat().st_uid) == (0o700, UID)
    assert all((path.stat().st_mode & 0o777, path.stat().st_uid) == (0o600, UID) for path in (home / "Maildir/new").iterdir())
    assert list((home / "Maildir/tmp").iterdir()) == []
    assert all(path.name.endswith(".mbox") for path in (home / "Maildir/new").iterdir())


def test_without_mail_there_is_an_empty_maildir(site: Site) -> None:
    home = site.user("joe")
    site.mbox("ann")
    site.user("ann")
    assert site.convert() == Result(0, b"joe: 0 messages\nann: 2 messages\n", b"")
    assert mail(home) == []


def test_mail_that_is_there_stays(site: Site) -> None:
    home = site.user("joe")
    site.mbox("joe")
    (home / "Maildir/new").mkdir(parents=True)
    (home / "Maildir/new/1.x").write_bytes(b"old\n")
    give(home)
    assert site.convert().code == 0
    assert sorted(mail(home)) == sorted([b"old\n", *MESSAGES])


def test_the_mbox_can_be_emptied(site: Site) -> None:
    home, mbox = site.user("joe"), site.mbox("joe")
    assert site.convert("-e").code == 0
    assert site.convert("-e").out == b"joe: 0 messages\n"
    assert (mail(home), mbox.read_bytes()) == (MESSAGES, b"")


def test_only_those_that_are_named(site: Site) -> None:
    homes = [site.user(name) for name in ("joe", "ann")]
    assert site.convert("ann") == Result(0, b"ann: 0 messages\n", b"")
    assert [(home / "Maildir").exists() for home in homes] == [False, True]
    assert site.convert("none") == Result(111, b"", b"convert-and-create: fatal: unknown account: 'none'\n")


def test_who_is_passed_over(site: Site) -> None:
    site.user("gone", has_home=False)
    site.user("file", has_home=False).touch()
    site.user("joe")
    result = site.convert()
    assert (result.code, result.out) == (0, b"joe: 0 messages\n")
    assert result.err.decode() == (
        f"convert-and-create: warning: gone: home directory {site.path}/gone doesn't exist, skipping.\n"
        f"convert-and-create: warning: file: {site.path}/file is no directory, skipping.\n"
    )


@pytest.mark.root
@pytest.mark.skipif(not IS_ROOT, reason="only root can give files away")
def test_root_and_those_whose_home_is_not_theirs_are_passed_over(site: Site) -> None:
    site.user("root", 0)
    site.user("daemon", 1, owner=0)
    result = site.convert()
    assert (result.code, result.out) == (0, b"")
    assert b"root: qmail does not deliver to root, skipping.\n" in result.err
    assert f"daemon: {site.path}/daemon is owned by 0, not by 1, skipping.\n".encode() in result.err


def test_trouble_with_one_user_is_no_trouble_for_the_others(site: Site) -> None:
    """A Maildir without room for messages; what was written of it goes."""
    home = site.user("joe")
    site.mbox("joe")
    (home / "Maildir/tmp").mkdir(parents=True)
    (home / "Maildir/new").touch()
    give(home)
    other = site.user("ann")
    site.mbox("ann")
    result = site.convert()
    assert (result.code, result.out) == (111, b"ann: 2 messages\n")
    assert result.err.startswith(b"convert-and-create: warning: joe: unable to convert ")
    assert list((home / "Maildir/tmp").iterdir()) == []
    assert mail(other) == MESSAGES


@pytest.mark.parametrize("kind", ["link", "folder", "fifo"])
def test_what_is_no_file_is_not_read(kind: str, site: Site) -> None:
    site.user("joe")
    path = site.spool / "joe"
    if kind == "link":
        (site.path / "secret").write_bytes(MBOX)
        path.symlink_to(site.path / "secret")
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    assert site.convert().code == 111


def test_it_waits_until_a_delivery_has_ended(site: Site) -> None:
    home, mbox = site.user("joe"), site.mbox("joe", b"")
    script = 'exec 9>>"$1"; flock 9; echo locked; read x; cat "$2" >>"$1"'
    (site.path / "more").write_bytes(MBOX)
    with subprocess.Popen(["sh", "-c", script, "sh", mbox, site.path / "more"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as delivery:
        assert delivery.stdin and delivery.stdout
        assert delivery.stdout.readline() == b"locked\n"
        with mbox.open() as probe, pytest.raises(BlockingIOError):
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
        delivery.stdin.write(b"\n")
        delivery.stdin.close()
        assert site.convert().out == b"joe: 2 messages\n"
    assert mail(home) == MESSAGES


def test_wrong_arguments() -> None:
    result = call("convert-and-create", [b"-z"], {})
    assert (result.code, result.out) == (100, b"")
    assert result.err.endswith(b"convert-and-create: usage: convert-and-create [ -e ] [ -s spool ] [ name ... ]\n")
