"""qmail-clean: requests and answers, one byte each; what it removes and what it leaves alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mta.programs.qmail import qmail_clean
from mta.unix.fds import Fds
from tests.conftest import ROOT
from tests.support.qmail_home import QmailHome


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> QmailHome:
    monkeypatch.chdir(tmp_path)
    return QmailHome(tmp_path / "q")


def clean(home: QmailHome, requests: bytes) -> tuple[int, bytes]:
    """-> (exit code, answers)"""
    (home.path / "in").write_bytes(requests)
    (home.path / "out").write_bytes(b"")
    fd_in, fd_out = os.open(home.path / "in", os.O_RDONLY), os.open(home.path / "out", os.O_WRONLY)
    try:
        code = qmail_clean.main([], {b"QMAIL_HOME": home.home}, Fds({0: fd_in, 1: fd_out}))
    finally:
        os.close(fd_in)
        os.close(fd_out)
    return code, (home.path / "out").read_bytes()


def test_todo_removes_both_names_of_the_envelope(home: QmailHome) -> None:
    messnum = home.enqueue(b"x\n", b"a@b", b"x@y")
    os.link(home.queue / "todo" / str(messnum), home.queue / "intd" / str(messnum))
    assert clean(home, b"todo/%d\0" % messnum) == (0, b"+")
    assert home.files() == [f"mess/{messnum % 23}/{messnum}"]


def test_foop_removes_the_message(home: QmailHome) -> None:
    messnum = home.preprocessed(b"x\n", b"a@b")
    assert clean(home, b"foop/%d\0" % messnum) == (0, b"+")
    assert home.files() == [f"info/{messnum % 23}/{messnum}"]


def test_done_removes_the_envelope_and_then_the_message(home: QmailHome) -> None:
    messnum = home.enqueue(b"x\n", b"a@b", b"x@y")
    os.link(home.queue / "todo" / str(messnum), home.queue / "intd" / str(messnum))
    assert clean(home, b"done/%d\0" % messnum) == (0, b"+")
    assert home.files() == []


@pytest.mark.parametrize(
    ("why", "immovable", "answer", "left"),
    [
        ("an envelope that stays keeps its message", "todo", b"!", True),
        ("a message that stays is told apart", "mess", b"-", False),
    ],
)
def test_done_says_what_it_could_not_remove(home: QmailHome, why: str, immovable: str, answer: bytes, left: bool) -> None:
    messnum = home.enqueue(b"x\n", b"a@b", b"x@y")
    path = home.queue / "todo" / str(messnum) if immovable == "todo" else home.split("mess", messnum)
    path.unlink()
    path.mkdir()
    assert clean(home, b"done/%d\0" % messnum) == (0, answer), why
    assert (home.files() == [f"mess/{messnum % 23}/{messnum}"]) == left


@pytest.mark.parametrize(
    ("case", "request_", "answer"),
    [
        ("P10 nothing is there", b"foop/5\0", b"+"),
        ("P10 nothing is there", b"done/5\0", b"+"),
        ("too short", b"foop/\0", b"x"),
        ("P11 no request", b"x\0", b"x"),
        ("another verb", b"kill/123\0", b"x"),
        ("letters in the number", b"todo/1x2\0", b"x"),
        ("a path", b"foop/../../x\0", b"x"),
        ("too long", b"todo/" + b"1" * 100 + b"\0", b"x"),
        ("several, in order", b"todo/11\0x\0foop/22\0", b"+x+"),
    ],
)
def test_every_request_has_one_answer(home: QmailHome, case: str, request_: bytes, answer: bytes) -> None:
    assert clean(home, request_) == (0, answer), case


def test_an_unlink_that_fails_is_told(home: QmailHome) -> None:
    (home.queue / "todo/77").mkdir()
    assert clean(home, b"todo/77\0") == (0, b"!")


def test_old_files_in_pid_are_swept_and_young_ones_stay(home: QmailHome) -> None:
    for name, age_s in (("1.2.3", 129700), ("4.5.6", 129500)):
        path = home.queue / "pid" / name
        path.touch()
        os.utime(path, (time.time() - age_s, time.time()))
    clean(home, b"todo/11\0")
    assert [p.name for p in (home.queue / "pid").iterdir()] == ["4.5.6"]


def test_a_request_without_an_end_is_given_up(home: QmailHome) -> None:
    assert clean(home, b"t" * 1000)[0] == 100


def test_it_begins_when_its_predecessor_has_done_all_it_was_asked(home: QmailHome) -> None:
    first = home.enqueue(b"x\n", b"a@b", b"x@y")
    command = [sys.executable, "-m", "mta", "qmail-clean"]
    env = {**os.environ, "QMAIL_HOME": str(home.path)}
    with (
        subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as old,
        subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as new,
    ):
        assert old.stdin and old.stdout and new.stdin and new.stdout
        old.stdin.write(b"todo/0\0")
        old.stdin.flush()
        assert old.stdout.read(1) == b"+"  # it has the lock now
        new.stdin.write(b"todo/0\0")
        new.stdin.flush()
        old.stdin.write(b"todo/%d\0" % first)
        old.stdin.close()
        assert new.stdout.read(1) == b"+"
        assert home.files() == [f"mess/{first % 23}/{first}"], "the new one answered before the old one was through"
        new.stdin.close()
    assert (old.returncode, new.returncode) == (0, 0)
