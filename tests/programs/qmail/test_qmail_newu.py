"""qmail-newu against the recorded behaviour of the original, and conformance cases U01, U02, U05, U06."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mta.formats import users_assign
from mta.unix import cdbfile
from tests.conftest import as_bytes, corpus
from tests.support.call import Result, call, command

CASES = corpus("oracle/newu-newmrh-pw2u-tcprules-cdb-multilog-tai64n")
BAD = Result(111, b"", b"qmail-newu: fatal: bad format in users/assign\n")
JOE = b"=joe:joe:507:100:/home/joe:::\n"


class NewU:
    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "users").mkdir()
        self.env = {b"QMAIL_HOME": os.fsencode(home)}

    def run(self, assign: bytes) -> Result:
        (self.home / "users" / "assign").write_bytes(assign)
        return call("qmail-newu", [], self.env)

    def cdb(self) -> bytes | None:
        path = self.home / "users" / "cdb"
        return path.read_bytes() if path.exists() else None


@pytest.fixture
def newu(tmp_path: Path) -> NewU:
    return NewU(tmp_path)


@pytest.mark.parametrize("case", [c for c in CASES if c["tool"] == "qmail-newu"], ids=lambda c: c["name"])
def test_it_does_what_the_original_does(case: dict[str, Any], newu: NewU) -> None:
    assert newu.run(as_bytes(case["input"])) == Result(case["rc"], b"", as_bytes(case["stderr"]))
    assert newu.cdb() == (None if case["cdb_b64"] is None else base64.b64decode(case["cdb_b64"]))


@pytest.mark.parametrize(
    ("assign", "size", "digest"),
    [
        (b".\n", 2072, "afe44b125cc89abbdb701a3fe4f061bba8403ee77b734a1e76170bfcc8b67325"),
        (JOE + b"+joe-:joe:507:100:/home/joe:-::\n.\n", 2178, "a0f3e7bd3041e6bcb771e142ac92a3267f0aed33e206a47ec2c6a92e40a5fd59"),
    ],
)
def test_u01_the_file_has_the_known_digest(newu: NewU, assign: bytes, size: int, digest: str) -> None:
    newu.run(assign)
    data = newu.cdb() or b""
    assert (len(data), hashlib.sha256(data).hexdigest()) == (size, digest)


def found(newu: NewU, local: bytes) -> users_assign.User | None:
    file = cdbfile.open_(os.fsencode(newu.home / "users" / "cdb"))
    assert file is not None
    try:
        answer = users_assign.find(file.get, local)
    finally:
        file.close()
    return None if answer is None else answer[1]


def test_u02_the_first_of_two_lines_counts(newu: NewU) -> None:
    newu.run(b"=joe:first:1:2:/1:::\n=joe:second:3:4:/2:::\n.\n")
    assert found(newu, b"joe") == users_assign.User(b"first", 1, 2, b"/1", b"", b"")


def test_u03_the_extension_keeps_its_case(newu: NewU) -> None:
    newu.run(b"+joe-:joe:1:2:/1:-::\n.\n")
    assert found(newu, b"JOE-Ext.A") == users_assign.User(b"joe", 1, 2, b"/1", b"-", b"Ext.A")


def test_u04_a_wildcard_in_capitals_matches_which_the_original_forgets(newu: NewU) -> None:
    newu.run(b"+UP:up:1:2:/1:-::\n.\n")
    assert found(newu, b"upx") == users_assign.User(b"up", 1, 2, b"/1", b"-", b"x")


@pytest.mark.parametrize(
    ("why", "assign"),
    [
        ("U05: no closing dot", JOE),
        ("U05: no colon", b"joe\n.\n"),
        ("U05: colon first", b":x:1:2:3:4:5:\n."),
        ("U05: six colons", b"=joe:joe:1:2:/1::\n.\n"),
        ("an empty line", b"\n.\n"),
        ("a comment", b"# a\n.\n"),
        ("a NUL", b"=joe:j\0:1:2:/1:::\n.\n"),
        ("a line without its newline", JOE[:-1]),
        ("nothing", b""),
    ],
)
def test_a_bad_file_leaves_the_old_database(newu: NewU, why: str, assign: bytes) -> None:
    newu.run(JOE + b".\n")
    before = newu.cdb()
    assert newu.run(assign) == BAD, why
    assert newu.cdb() == before
    assert sorted(os.listdir(newu.home / "users")) == ["assign", "cdb"]


@pytest.mark.parametrize("end", [b".\nrubbish\n", b".", b".rubbish", b".\n\0"])
def test_u06_what_follows_the_dot_is_ignored(newu: NewU, end: bytes) -> None:
    newu.run(JOE + b".\n")
    before = newu.cdb()
    assert newu.run(JOE + end).code == 0
    assert newu.cdb() == before


def test_everybody_may_read_the_database_whatever_the_mask(newu: NewU) -> None:
    (newu.home / "users" / "assign").write_bytes(JOE + b".\n")
    shell = ["sh", "-c", 'umask 77; exec "$@"', "sh", *command("qmail-newu", newu.env[b"QMAIL_HOME"])]
    assert subprocess.run(shell, check=False).returncode == 0
    assert stat.S_IMODE((newu.home / "users" / "cdb").stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("why", "block", "err"),
    [
        ("nothing to read", None, b"unable to open users/assign"),
        ("a directory to read", "users/assign", b"unable to read users/assign"),
        ("a directory in place of the temporary file", "users/cdb.tmp", b"unable to open users/cdb.tmp"),
        ("a directory in place of the database", "users/cdb", b"unable to move users/cdb.tmp to users/cdb"),
    ],
)
def test_it_says_which_file_gave_trouble(newu: NewU, why: str, block: str | None, err: bytes) -> None:
    if block is not None:
        (newu.home / block).mkdir()
        if block != "users/assign":
            (newu.home / "users" / "assign").write_bytes(b".\n")
    assert call("qmail-newu", [], newu.env) == Result(111, b"", b"qmail-newu: fatal: %b\n" % err), why


def test_without_home_or_users_it_fails(tmp_path: Path) -> None:
    gone = {b"QMAIL_HOME": os.fsencode(tmp_path / "gone")}
    assert call("qmail-newu", [], gone) == Result(111, b"", b"qmail-newu: fatal: unable to chdir\n")
    here = {b"QMAIL_HOME": os.fsencode(tmp_path)}
    assert call("qmail-newu", [], here) == Result(111, b"", b"qmail-newu: fatal: unable to open users/assign\n")


def test_a_second_compiler_waits_for_the_first_and_reads_after_it(newu: NewU) -> None:
    (newu.home / "users" / "assign").write_bytes(b".\n")
    folder = os.open(newu.home / "users", os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    if b" %d " % os.getpid() not in Path("/proc/locks").read_bytes():
        pytest.skip("/proc/locks does not show locks here: nothing tells when the second one waits")
    second = subprocess.Popen(command("qmail-newu", newu.env[b"QMAIL_HOME"]))
    while not _waits_for_lock(second.pid):
        assert second.poll() is None
        os.sched_yield()
    (newu.home / "users" / "assign").write_bytes(JOE + b".\n")
    os.close(folder)
    assert second.wait() == 0
    assert found(newu, b"joe") is not None


def _waits_for_lock(pid: int) -> bool:
    """Lines with an arrow in /proc/locks are of those who wait."""
    return any(b"->" in line and b" %d " % pid in line for line in Path("/proc/locks").read_bytes().splitlines())


def test_three_thousand_lines_are_compiled_as_the_format_says(newu: NewU) -> None:
    lines = [
        b"%bu%d:u%d:%d:100:/home/u%d:%b::\n" % (b"+" if i % 3 else b"=", i, i, 1000 + i, i, b"-" if i % 3 else b"") for i in range(3000)
    ]
    assert newu.run(b"".join(lines) + b".\n").code == 0
    assert newu.cdb() == users_assign.compile_(b"".join(lines) + b".\n")
    assert all(found(newu, b"u%d" % i) is not None for i in range(0, 3000, 97))
