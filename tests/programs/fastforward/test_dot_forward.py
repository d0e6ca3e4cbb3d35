"""dot-forward: the message, as the user's .forward says. Conformance case C29."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.support import queue_program
from tests.support.call import Result, call

LINES = {
    b"NEWSENDER": b"ada@x.y",
    b"USER": b"joe",
    b"HOST": b"h.org",
    b"DTLINE": b"Delivered-To: joe@h.org\n",
    b"RPLINE": b"Return-Path: <ada@x.y>\n",
    b"UFLINE": b"From ada@x.y Sat Jan 03 01:05:34 1996\n",
    b"PATH": b"/usr/bin:/bin",
}
MESSAGE = b"Subject: x\n\n" + bytes(range(256)) * 500
USAGE = b"dot-forward: usage: dot-forward [ -nN ] file ...\n"


class Home:
    """joe's, on a host whose control/me is mail.example.com."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "control").mkdir()
        (folder / "control/me").write_bytes(b"mail.example.com\n")
        self.env = {b"QMAIL_HOME": os.fsencode(folder), **LINES}
        self.refuse_with(0)

    def refuse_with(self, exit_: int) -> None:
        self.queue = queue_program.make(self.folder / "kept", exit_)
        self.env[b"QMAILQUEUE"] = self.queue.path

    def run(self, text: bytes | None, *argv: bytes) -> Result:
        if text is not None:
            (self.folder / ".forward").write_bytes(text)
        return call("dot-forward", [*argv, b".forward"], self.env, MESSAGE)

    def sent_to(self) -> list[bytes]:
        return [part[1:] for _, envelope in self.queue.queued() for part in envelope.split(b"\0")[1:] if part]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.chdir(tmp_path)
    return Home(tmp_path)


def test_it_forwards_to_all_at_once_from_who_gets_bounces_of_a_forward(home: Home) -> None:
    result = home.run(b"bo@x.y, cy@x.y\ndi@x.y\n")
    assert (result.code, result.out) == (99, b"")
    assert re.fullmatch(rb"dot-forward: info: qp [1-9]\d*\n", result.err)
    assert home.queue.queued() == [(LINES[b"DTLINE"] + MESSAGE, b"Fada@x.y\0Tcy@x.y\0Tbo@x.y\0Tdi@x.y\0\0")]


@pytest.mark.parametrize(
    ("text", "code", "shown"),
    [
        (b"joe, \\joe, other@x\n", 0, b"forward other@x.mail.example.com\ndirect delivery\n"),
        (b"other@x\n", 99, b"forward other@x.mail.example.com\n"),
        (b"bob\n", 99, b"forward bob@mail.example.com\n"),
        (b"\\joe\n", 0, b"direct delivery\n"),
        (b"JOE@h.org, z@y\n", 0, b"forward z@y.mail.example.com\ndirect delivery\n"),
        (b'"|cat", joe\n', 0, b"pipe through cat\ndirect delivery\n"),
        (b"", 0, b"skipping empty file .forward\ndirect delivery\n"),
        (b"# bob\n\n", 0, b"skipping empty file .forward\ndirect delivery\n"),
        (None, 0, b"direct delivery\n"),
        (b"bob, #c\n", 99, b"forward #c@mail.example.com\nforward bob@mail.example.com\n"),
    ],
)
def test_c29_what_joes_file_says(home: Home, text: bytes | None, code: int, shown: bytes) -> None:
    assert home.run(text, b"-n") == Result(code, b"", shown)
    assert home.queue.queued() == []
    assert home.run(text).code == code
    assert sorted(home.sent_to()) == sorted(line[8:] for line in shown.splitlines() if line.startswith(b"forward "))


@pytest.mark.parametrize("text", [b"/var/mail/joe\n", b":include:/l/x\n", b"bo@x.y\n:include:x\n", b'"|touch x"\n/f\n', b'"|touch x"\n"\n'])
def test_what_cannot_be_done_waits_and_nothing_of_it_is_done(home: Home, text: bytes) -> None:
    result = home.run(text)
    assert result.code == 111 and result.err.startswith(b"dot-forward: fatal: ")
    assert home.queue.queued() == [] and not (home.folder / "x").exists()


def test_the_first_file_that_says_something(home: Home) -> None:
    (home.folder / "empty").write_bytes(b"# nothing\n")
    (home.folder / "second").write_bytes(b"cy@x.y\n")
    result = call("dot-forward", [b"-n", b"missing", b"empty", b"second", b".forward"], home.env, MESSAGE)
    assert result == Result(99, b"", b"skipping empty file empty\nforward cy@x.y\n")


def test_a_command_gets_the_lines_of_the_delivery_and_the_message(home: Home) -> None:
    result = home.run(b'"|cat > one", "|cat > two"\n')
    assert result == Result(99, b"", b"")
    expected = LINES[b"UFLINE"] + LINES[b"RPLINE"] + LINES[b"DTLINE"] + MESSAGE
    assert [(home.folder / name).read_bytes() for name in ("one", "two")] == [expected, expected]


def test_a_command_need_not_read_the_message(home: Home) -> None:
    assert home.run(b'"|true"\n') == Result(99, b"", b"")


@pytest.mark.parametrize(
    ("code", "exit_"), [*((c, 100) for c in (64, 65, 70, 76, 77, 78, 100, 112)), *((c, 111) for c in (1, 75, 99, 111))]
)
def test_a_command_that_fails_ends_it(home: Home, code: int, exit_: int) -> None:
    assert home.run(b'bo@x.y\n"|exit %d"\n' % code) == Result(exit_, b"", b"")
    assert home.queue.queued() == []


def test_a_command_that_a_signal_ends(home: Home) -> None:
    assert home.run(b'"|kill -9 $$"\n') == Result(111, b"", b"dot-forward: fatal: child crashed\n")


def test_a_file_that_cannot_be_read(home: Home) -> None:
    (home.folder / ".forward").mkdir()
    assert home.run(None) == Result(111, b"", b"dot-forward: fatal: unable to open .forward: is a directory\n")


def test_no_instance_no_forwarding(home: Home) -> None:
    home.env[b"QMAIL_HOME"] = b"/nowhere"
    result = home.run(b"joe\n")
    assert result == Result(111, b"", b"dot-forward: fatal: unable to read control/: No such file or directory\n")


@pytest.mark.parametrize(
    ("exit_", "code", "text"),
    [(53, 111, b"qq write error or disk full (#4.3.0)"), (31, 100, b"mail server permanently rejected message (#5.3.0)")],
)
def test_what_the_queue_refuses_is_told(home: Home, exit_: int, code: int, text: bytes) -> None:
    home.refuse_with(exit_)
    assert home.run(b"bo@x.y\n") == Result(code, b"", b"dot-forward: fatal: unable to forward message: %b\n" % text)


@pytest.mark.parametrize("text", [b"bo@x.y\n", b'"|cat"\n'])
def test_a_message_that_cannot_be_read(home: Home, text: bytes) -> None:
    (home.folder / ".forward").write_bytes(text)
    fd = os.open(home.folder, os.O_RDONLY)
    try:
        result = call("dot-forward", [b".forward"], home.env, stdin_fd=fd)
    finally:
        os.close(fd)
    assert result.code == 111
    assert result.err.endswith(b"unable to read message: is a directory\n")
    assert home.queue.queued() == []


def test_wrong_arguments() -> None:
    assert call("dot-forward", [b"-x"], {}) == Result(100, b"", b"dot-forward: illegal option -- x\n" + USAGE)
