from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mta.programs.qmail import maildirwatch
from mta.unix.maildir_reader import Maildir
from tests.support.call import Result, call, command
from tests.support.local_home import maildir

CLEAR, BOLD, PLAIN = b"\x1b[;H\x1b[;J", b"\x1b[1m", b"\x1b[0m"
MESSAGE = b"Return-Path: <ada@x.y>\nDelivered-To: joe@x.y\nSubject: one\n two\nFrom: Ada <ada@x.y>\n\nHello,\nBo\n"
SHOWN = b"FROM <ada@x.y> TO <joe@x.y>\n%bFrom: Ada <ada@x.y>%b\none/ two//Hello,/Bo/\n\n" % (BOLD, PLAIN)
THEN = 1_000_000_000


@pytest.fixture
def box(tmp_path: Path) -> Path:
    return maildir(tmp_path / "Maildir")


def put(box: Path, name: str, data: bytes, age: int = 0) -> None:
    (box / name).write_bytes(data)
    os.utime(box / name, (THEN - age, THEN - age))


def screen(box: Path, now_s: int = THEN + 100) -> bytes:
    return maildirwatch.screen(Maildir(os.fsencode(box)), now_s)


def test_it_shows_what_is_new_oldest_first(box: Path) -> None:
    put(box, "new/1", MESSAGE)
    put(box, "new/2", MESSAGE.replace(b"ada", b"eve"), age=9)
    put(box, "cur/3:2,S", MESSAGE)
    put(box, "new/.4", MESSAGE)
    assert screen(box) == CLEAR + SHOWN.replace(b"ada", b"eve") + SHOWN


@pytest.mark.parametrize(
    ("why", "message", "shown"),
    [
        ("an empty message", b"", b"FROM <> TO <>\n%b%b\n\n\n"),
        ("no header", b"hi there\n", b"FROM <> TO <>\n%b%b\n/hi there/\n\n"),
        ("a bounce", b"Return-Path: <>\nFrom: M\n\n", b"FROM <> TO <>\n%bFrom: M%b\n/\n\n"),
        ("the last delivery stands first", b"Delivered-To: new@x\nDelivered-To: old@x\n\n", b"FROM <> TO <new@x>\n%b%b\n/\n\n"),
        ("bytes a terminal would act on", b"From: \x1b[2J\xe9\rx\n\n\x1bc\x07\n", b"FROM <> TO <>\n%bFrom: ?[2J??x%b\n/?c?/\n\n"),
        ("a long text is cut", b"\n" + b"x" * 500, b"FROM <> TO <>\n%b%b\n/" + b"x" * 157 + b"\n\n"),
        ("a long line of the header", b"From: " + b"y" * 2000 + b"\n\n", b"FROM <> TO <>\n%bFrom: " + b"y" * 994 + b"%b\n/\n\n"),
    ],
)
def test_a_message_on_the_screen(box: Path, why: str, message: bytes, shown: bytes) -> None:
    put(box, "new/1", message)
    assert screen(box) == CLEAR + shown % (BOLD, PLAIN), why


def test_a_message_of_this_second_waits(box: Path) -> None:
    put(box, "new/1", MESSAGE)
    assert screen(box, THEN) == CLEAR
    assert screen(box, THEN + 1) == CLEAR + SHOWN


def test_a_message_that_goes_away_meanwhile_is_left_out(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(box, "new/1", MESSAGE)
    monkeypatch.setattr(Maildir, "open", lambda self, entry: os.open(b"/nowhere", os.O_RDONLY))
    assert screen(box) == CLEAR


def test_it_looks_again_and_ends_when_nobody_watches(box: Path) -> None:
    put(box, "new/1", MESSAGE)
    env = {b"QMAIL_HOME": b"/nowhere", b"MAILDIR": os.fsencode(box)}
    words = command("maildirwatch", b"/nowhere")
    words[-1] = words[-1].replace("runner.run", "from mta.programs.qmail import maildirwatch; maildirwatch.PAUSE_S = 0.01; runner.run")
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        wanted = (CLEAR + SHOWN) * 2
        assert process.stdout.read(len(wanted)) == wanted
        process.stdout.close()
        assert process.wait(20) == 0
        assert process.stderr.read() == b""


def test_a_full_disk_ends_it(box: Path) -> None:
    from mta import runner
    from mta.unix.fds import Fds

    with open("/dev/full", "wb") as full:
        assert runner.call("maildirwatch", [], {b"MAILDIR": os.fsencode(box)}, Fds({1: full.fileno()})) == 0


@pytest.mark.parametrize(
    ("env", "complaint"),
    [({}, b"MAILDIR not set"), ({b"MAILDIR": b"/nowhere/at/all"}, b"unable to scan /nowhere/at/all: file does not exist")],
)
def test_trouble(env: dict[bytes, bytes], complaint: bytes) -> None:
    assert call("maildirwatch", [], env) == Result(111, b"", b"maildirwatch: fatal: %b\n" % complaint)
