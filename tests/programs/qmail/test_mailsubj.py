from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from tests.support import queue_program
from tests.support.call import Result, call, command


def home(tmp_path: Path, inject: str = "") -> dict[bytes, bytes]:
    """An instance with our own qmail-inject, or with another."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "control").mkdir()
    (tmp_path / "control/me").write_text("host.example.org\n")
    words = shlex.join(command("qmail-inject", os.fsencode(tmp_path)))
    path = tmp_path / "bin/qmail-inject"
    path.write_text(f"#!/bin/sh\n{inject or 'exec ' + words}\n")
    path.chmod(0o755)
    return {b"QMAIL_HOME": os.fsencode(tmp_path), b"PATH": b"/usr/bin:/bin", b"USER": b"joe"}


def test_it_sends_the_body_with_subject_and_recipients(tmp_path: Path) -> None:
    queue = queue_program.make(tmp_path / "kept")
    env = {**home(tmp_path), b"QMAILQUEUE": queue.path}
    result = call("mailsubj", [b"two words", b"bo@x.y,", b"Cy <cy@z>"], env, b"body\n" * 20000)
    assert result == Result(0, b"", b"")
    message, envelope = queue.queued()[0]
    head, body = message.split(b"\n\n", 1)
    assert body == b"body\n" * 20000
    assert re.search(rb"^Subject: two words\nTo: bo@x.y, Cy <cy@z.host.example.org>$", head, re.MULTILINE)
    assert envelope == b"Fjoe@host.example.org\0Tcy@z.host.example.org\0Tbo@x.y\0\0"


@pytest.mark.parametrize("code", [0, 100, 111])
def test_its_exit_code_is_that_of_qmail_inject(tmp_path: Path, code: int) -> None:
    assert call("mailsubj", [b"s", b"bo@x.y"], home(tmp_path, f"cat; exit {code}"), b"b") == Result(
        code, b"Subject: s\nTo: bo@x.y\n\nb", b""
    )


def test_what_qmail_inject_refuses_to_read_is_left_unread(tmp_path: Path) -> None:
    env = home(tmp_path, "exec <&-; echo why >&2; exit 100")
    assert call("mailsubj", [b"s", b"bo@x.y"], env, b"x" * 1_000_000) == Result(100, b"", b"why\n")


def test_half_a_message_is_not_sent(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        result = call("mailsubj", [b"s", b"bo@x.y"], home(tmp_path, "cat; echo sent"), stdin_fd=fd)
    finally:
        os.close(fd)
    assert (result.code, result.err) == (111, b"mailsubj: fatal: unable to read message: is a directory\n")
    assert b"sent" not in result.out


def test_without_qmail_inject_it_is_tried_again(tmp_path: Path) -> None:
    env = home(tmp_path)
    (tmp_path / "bin/qmail-inject").unlink()
    result = call("mailsubj", [b"s", b"bo@x.y"], env, b"x\n")
    assert result.code == 111


@pytest.mark.parametrize(
    ("why", "argv"),
    [("one in the subject", [b"s\nBcc: eve@x", b"bo@x.y"]), ("one in a recipient", [b"s", b"bo@x.y\rBcc: eve@x"])],
)
def test_a_line_break_adds_no_field(tmp_path: Path, why: str, argv: list[bytes]) -> None:
    complaint = b"mailsubj: fatal: line break in a subject or recipient\n"
    assert call("mailsubj", argv, home(tmp_path, "cat"), b"x\n") == Result(100, b"", complaint), why


def test_without_arguments_it_says_how_it_is_called(tmp_path: Path) -> None:
    assert call("mailsubj", [], home(tmp_path)) == Result(100, b"", b"mailsubj: usage: mailsubj subject recip ...\n")
