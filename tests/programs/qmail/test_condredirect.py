"""condredirect. Conformance case T02."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.support import queue_program
from tests.support.call import Result, call, process

LINES = {b"SENDER": b"ada@x.y", b"DTLINE": b"Delivered-To: joe@x.y\n", b"PATH": b"/usr/bin:/bin"}
MESSAGE = b"Subject: x\n\n" + bytes(range(256)) * 1000


def env(home: Path, exit_: int = 0, custom: bytes = b"") -> tuple[dict[bytes, bytes], queue_program.QueueProgram]:
    queue = queue_program.make(home / "kept", exit_, custom)
    return {b"QMAIL_HOME": os.fsencode(home), b"QMAILQUEUE": queue.path, **LINES}, queue


def test_t02_yes_sends_the_message_on_and_ends_the_file(tmp_path: Path) -> None:
    variables, queue = env(tmp_path)
    result = call("condredirect", [b"bo@b.c", b"true"], variables, MESSAGE)
    assert (result.code, result.out) == (99, b"")
    assert re.fullmatch(rb"condredirect: qp [1-9]\d*\n", result.err)
    assert queue.queued() == [(b"Delivered-To: joe@x.y\n" + MESSAGE, b"Fada@x.y\0Tbo@b.c\0\0")]


def test_a_program_that_read_the_message_takes_nothing_from_it(tmp_path: Path) -> None:
    variables, queue = env(tmp_path)
    result = call("condredirect", [b"bo@b.c", b"grep", b"-a", b"Subject"], variables, MESSAGE)
    assert (result.code, result.out) == (99, b"Subject: x\n")
    assert queue.queued()[0][0] == b"Delivered-To: joe@x.y\n" + MESSAGE


@pytest.mark.parametrize(
    ("why", "program", "expected"),
    [
        ("it says no", [b"false"], Result(0, b"", b"")),
        ("there is no such program", [b"no-such-program"], Result(0, b"", b"")),
        ("it cannot tell now", [b"sh", b"-c", b"exit 111"], Result(111, b"", b"condredirect: fatal: temporary child error\n")),
        ("a signal ends it", [b"sh", b"-c", b"kill -9 $$"], Result(111, b"", b"condredirect: fatal: child crashed\n")),
    ],
)
def test_t02_else_nothing_is_queued(tmp_path: Path, why: str, program: list[bytes], expected: Result) -> None:
    variables, queue = env(tmp_path)
    assert call("condredirect", [b"bo@b.c", *program], variables, b"x\n") == expected, why
    assert queue.queued() == []


@pytest.mark.parametrize("missing", [b"SENDER", b"DTLINE"])
def test_it_sends_on_only_where_qmail_local_starts_it(tmp_path: Path, missing: bytes) -> None:
    variables, queue = env(tmp_path)
    del variables[missing]
    complaint = b"condredirect: fatal: %b not set\n" % missing
    assert call("condredirect", [b"bo@b.c", b"true"], variables, b"x\n") == Result(100, b"", complaint)
    assert queue.queued() == []


@pytest.mark.parametrize(
    ("why", "code", "custom", "exit_", "text"),
    [
        ("for now", 53, b"", 111, b"qq write error or disk full (#4.3.0)"),
        ("for good", 31, b"", 100, b"mail server permanently rejected message (#5.3.0)"),
        ("in words of its own", 82, b"Dno (#5.7.1)", 100, b"no (#5.7.1)"),
    ],
)
def test_what_the_queue_refuses_is_told(tmp_path: Path, why: str, code: int, custom: bytes, exit_: int, text: bytes) -> None:
    variables, _ = env(tmp_path, code, custom)
    assert call("condredirect", [b"bo@b.c", b"true"], variables, b"x\n") == Result(exit_, b"", b"condredirect: fatal: %b\n" % text), why


def test_a_message_that_is_no_file_cannot_be_rewound(tmp_path: Path) -> None:
    variables, queue = env(tmp_path)
    result = process("condredirect", [b"bo@b.c", b"true"], variables, b"x\n")  # its input is a pipe
    assert result == Result(111, b"", b"condredirect: fatal: unable to rewind: unseekable descriptor\n")
    assert queue.queued() == []


def test_a_message_that_cannot_be_read_is_not_queued(tmp_path: Path) -> None:
    variables, queue = env(tmp_path)
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        result = call("condredirect", [b"bo@b.c", b"true"], variables, stdin_fd=fd)
    finally:
        os.close(fd)
    assert result == Result(111, b"", b"condredirect: fatal: unable to read message: is a directory\n")
    assert queue.queued() == []


@pytest.mark.parametrize("argv", [[], [b"bo@b.c"]])
def test_without_a_program_it_says_how_it_is_called(tmp_path: Path, argv: list[bytes]) -> None:
    usage = b"condredirect: usage: condredirect newaddress program [ arg ... ]\n"
    assert call("condredirect", argv, env(tmp_path)[0]) == Result(100, b"", usage)
