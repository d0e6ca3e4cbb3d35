"""maildir2mbox. Conformance cases T06, T07."""

from __future__ import annotations

import fcntl
import mailbox
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.formats import mbox
from tests.support.call import Result, call, process
from tests.support.local_home import maildir
from tests.support.process import eventually

THEN = 1_000_000_000
STAMP = b"Sun Sep 09 01:46:40 2001"


class Home:
    def __init__(self, path: Path) -> None:
        self.maildir = maildir(path / "Maildir")
        self.mbox = path / "Mailbox"
        self.tmp = path / "Mailbox.tmp"
        self.env = {
            b"QMAIL_HOME": b"/nowhere",
            b"MAILDIR": os.fsencode(self.maildir),
            b"MAIL": os.fsencode(self.mbox),
            b"MAILTMP": os.fsencode(self.tmp),
        }

    def put(self, name: str, data: bytes, age: int = 0) -> Path:
        path = self.maildir / name
        path.write_bytes(data)
        os.utime(path, (THEN - age, THEN - age))
        return path

    def run(self, **env: str) -> Result:
        return call("maildir2mbox", [], {**self.env, **{k.encode(): os.fsencode(v) for k, v in env.items()}})

    def left(self) -> list[str]:
        return sorted(str(p.relative_to(self.maildir)) for p in self.maildir.rglob("*") if p.is_file())


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


OK = Result(0, b"", b"")


@pytest.mark.parametrize(
    ("why", "message", "expected"),
    [
        (
            "T06 blanks of the sender",
            b"Return-Path: <we ird\t@x>\nS: a\n\nb\n",
            b"From we-ird-@x %b\nReturn-Path: <we ird\t@x>\nS: a\n\nb\n\n",
        ),
        ("T07 no final newline", b"S: a\n\nb", b"From XXX %b\nS: a\n\nb\n\n"),
        ("T07 a single line without its end", b"Return-Path: <a@x>", b"From XXX %b\nReturn-Path: <a@x>\n\n"),
        ("the empty sender", b"Return-Path: <>\n\n", b"From MAILER-DAEMON %b\nReturn-Path: <>\n\n\n"),
        ("no Return-Path first", b"S: a\nReturn-Path: <a@x>\n\n", b"From XXX %b\nS: a\nReturn-Path: <a@x>\n\n\n"),
        ("From_ lines", b"From a\n\nFrom b\n>From c\n>>From", b"From XXX %b\n>From a\n\n>From b\n>>From c\n>>From\n\n"),
        ("nothing at all", b"", b"From XXX %b\n\n"),
        ("bytes of all kinds", b"\n" + bytes(range(256)), b"From XXX %b\n\n" + bytes(range(256)).replace(b"%", b"%%") + b"\n\n"),
    ],
)
def test_a_message_in_the_mbox(home: Home, why: str, message: bytes, expected: bytes) -> None:
    home.put("new/1", message)
    assert home.run() == OK
    assert home.mbox.read_bytes() == expected % STAMP, why
    assert (home.left(), home.tmp.exists()) == ([], False)


def test_the_oldest_comes_first_behind_what_was_there(home: Home) -> None:
    home.mbox.write_bytes(b"From me then\n\nold\n\n")
    home.put("cur/1:2,S", b"\n2\n", age=10)
    home.put("new/2", b"\n1\n", age=20)
    home.put("new/3", b"\n3\n")
    assert home.run() == OK
    assert home.mbox.read_bytes().startswith(b"From me then\n\nold\n\nFrom XXX ")
    assert [line for line in home.mbox.read_bytes().split(b"\n") if line.isdigit()] == [b"1", b"2", b"3"]
    assert home.mbox.stat().st_mode & 0o777 == 0o600


def test_what_a_mail_reader_makes_of_it(home: Home) -> None:
    for i in range(20):
        home.put(f"new/{i}", b"Return-Path: <a@x>\nSubject: %d\n\nFrom here\n" % i, age=100 - i)
    assert home.run() == OK
    box = mailbox.mbox(home.mbox)
    assert [m["Subject"] for m in box] == [str(i) for i in range(20)]
    box.close()


@pytest.mark.parametrize(
    ("why", "name"),
    [("a name with a dot first", "new/.hidden"), ("a message of this second", "now"), ("a folder", "folder"), ("a link", "link")],
)
def test_it_leaves_alone(home: Home, why: str, name: str) -> None:
    if name == "now":
        (home.maildir / "new/now").write_bytes(b"now")
        os.utime(home.maildir / "new/now", (2**40, 2**40))
    elif name == "folder":
        (home.maildir / "new/folder").mkdir()
    elif name == "link":
        (home.maildir / "new/link").symlink_to("/etc/passwd")
    else:
        home.put(name, b"x")
    assert home.run() == OK
    assert not home.mbox.exists(), f"{why}: without a message not even the mbox is made"


def test_old_files_of_tmp_are_removed(home: Home) -> None:
    home.put("tmp/old", b"x")
    (home.maildir / "tmp/young").touch()
    assert home.run() == OK
    assert home.left() == ["tmp/young"]


def test_names_count_from_the_maildir(home: Home) -> None:
    home.put("new/1", b"\nx\n")
    assert home.run(MAIL="../box", MAILTMP="../box.tmp") == OK
    assert (home.maildir.parent / "box").exists()


def test_it_waits_for_the_lock(home: Home) -> None:
    """The one who holds it may be another maildir2mbox, which puts another file in the mbox's place."""
    home.put("new/1", b"\nx\n")
    home.mbox.write_bytes(b"From old\n\n\n")
    with home.mbox.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        pid = os.fork()
        if pid == 0:
            held.close()
            os._exit(home.run().code)
        other = home.mbox.with_name("other")
        other.write_bytes(b"From newer\n\n\n")
        eventually(lambda: f" {pid} " in Path("/proc/locks").read_text(), "it waits")
        other.rename(home.mbox)
    assert os.waitpid(pid, 0)[1] == 0
    assert home.mbox.read_bytes().startswith(b"From newer\n\n\nFrom XXX ")


def test_the_quota_is_given_back(home: Home) -> None:
    (home.maildir / "maildirsize").write_bytes(b"1000S\n100 2\n")
    home.put("new/1,S=60", b"x" * 60)
    assert home.run() == OK
    assert (home.maildir / "maildirsize").read_bytes().split()[-2:] == [b"-60", b"-1"]


# -- trouble -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["MAIL", "MAILTMP", "MAILDIR"])
def test_its_variables_are_wanted(home: Home, missing: str) -> None:
    del home.env[missing.encode()]
    assert home.run() == Result(111, b"", b"maildir2mbox: fatal: %b not set\n" % missing.encode())


@pytest.mark.parametrize(
    ("why", "env", "complaint"),
    [
        ("no Maildir", {"MAILDIR": "{0}/no"}, "unable to chdir to {0}/no: file does not exist"),
        ("a file in its place", {"MAILDIR": "{0}/file"}, "unable to chdir to {0}/file: not a directory"),
        ("no folder for the mbox", {"MAIL": "{0}/no/box"}, "unable to lock {0}/no/box: file does not exist"),
        ("a folder in place of the mbox", {"MAIL": "{0}"}, "unable to lock {0}: is a directory"),
        ("no folder for the copy", {"MAILTMP": "{0}/no/tmp"}, "unable to create {0}/no/tmp: file does not exist"),
        ("a full disk", {"MAILTMP": "/dev/full"}, "unable to write to /dev/full: out of disk space"),
        ("the mbox itself as copy", {"MAILTMP": "{0}/Mailbox"}, "MAIL and MAILTMP are one file"),
    ],
)
def test_trouble_changes_nothing(home: Home, monkeypatch: pytest.MonkeyPatch, why: str, env: dict[str, str], complaint: str) -> None:
    folder = str(home.maildir.parent)
    (home.maildir.parent / "file").touch()
    monkeypatch.setattr(os, "ftruncate", lambda fd, size: None)  # /dev/full cannot be cut
    monkeypatch.setattr(os, "unlink", lambda path: None)  # nor should it go
    home.put("new/1", b"\nx\n")
    home.mbox.write_bytes(b"From old\n\n\n")
    result = home.run(**{k: v.format(folder) for k, v in env.items()})
    assert result == Result(111, b"", f"maildir2mbox: fatal: {complaint.format(folder)}\n".encode()), why
    assert (home.left(), home.mbox.read_bytes()) == (["new/1"], b"From old\n\n\n")


def test_a_message_that_cannot_be_read_changes_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.put("new/1", b"\n1\n", age=1)
    home.put("new/2", b"\n2\n")
    real = os.read
    bad = os.stat(home.maildir / "new/2").st_ino

    def read(fd: int, count: int) -> bytes:
        if os.fstat(fd).st_ino == bad:
            raise OSError(5, "broken")
        return real(fd, count)

    monkeypatch.setattr(os, "read", read)
    assert home.run() == Result(111, b"", b"maildir2mbox: fatal: unable to read $MAILDIR/new/2: input/output error\n")
    assert (home.left(), home.mbox.read_bytes(), home.tmp.exists()) == (["new/1", "new/2"], b"", False)


def test_a_maildir_without_its_folders(home: Home) -> None:
    (home.maildir / "cur").rmdir()
    assert home.run() == Result(111, b"", b"maildir2mbox: fatal: unable to scan $MAILDIR/cur: file does not exist\n")


def test_a_message_removed_meanwhile_is_left_out(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.put("new/1", b"\n1\n")
    gone = home.put("new/2", b"\n2\n")
    real = fcntl.flock
    monkeypatch.setattr(fcntl, "flock", lambda fd, how: (gone.unlink(missing_ok=True), real(fd, how)))
    assert home.run() == OK
    assert home.mbox.read_bytes() == b"From XXX %b\n\n1\n\n" % STAMP


def test_a_message_that_cannot_be_removed_is_told(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.put("new/1", b"\n1\n")

    def unlink(path: bytes) -> None:
        raise PermissionError(13, "no", path)

    monkeypatch.setattr(os, "unlink", unlink)
    warning = b"maildir2mbox: warning: $MAILDIR/new/1 will be delivered twice; unable to unlink: access denied\n"
    assert home.run() == Result(0, b"", warning)


def test_it_runs_as_a_process_and_makes_files_of_its_own(home: Home) -> None:
    home.put("new/1", b"\n1\n")
    old = os.umask(0)
    try:
        assert process("maildir2mbox", [], home.env) == OK
    finally:
        os.umask(old)
    assert home.mbox.stat().st_mode & 0o777 == 0o600


@settings(max_examples=50)
@given(
    st.lists(
        st.lists(st.sampled_from([b"From ", b">", b"a", b"\n", b"Return-Path: <a b>\n", b"\xe9\0"]), max_size=12).map(b"".join),
        min_size=1,
        max_size=4,
    )
)
def test_nothing_of_a_message_is_lost(tmp_path_factory: pytest.TempPathFactory, messages: list[bytes]) -> None:
    home = Home(tmp_path_factory.mktemp("home"))
    for i, message in enumerate(messages):
        home.put(f"new/{i}", message, age=100 - i)
    assert home.run() == OK
    rest = home.mbox.read_bytes()
    for message in messages:
        _, _, rest = rest.partition(b"\n")
        whole = message if message.endswith(b"\n") or not message else message + b"\n"
        for line in whole.splitlines(keepends=True) if b"\r" not in whole else []:
            got, newline, rest = rest.partition(b"\n")
            assert mbox.unquote(got + newline) == line
        assert rest.startswith(b"\n")
        rest = rest[1:]
    assert rest == b""
