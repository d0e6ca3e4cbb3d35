from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.support import queue_program
from tests.support.call import Result, call, process

LINES = {b"NEWSENDER": b"owner@x.y", b"DTLINE": b"Delivered-To: joe@x.y\n"}


def env(home: Path, exit_: int = 0, custom: bytes = b"") -> tuple[dict[bytes, bytes], queue_program.QueueProgram]:
    queue = queue_program.make(home / "kept", exit_, custom)
    return {b"QMAIL_HOME": os.fsencode(home), b"QMAILQUEUE": queue.path, **LINES}, queue


@pytest.mark.parametrize("run", [call, process])
def test_it_queues_the_message_below_a_delivered_to_line(tmp_path: Path, run: object) -> None:
    variables, queue = env(tmp_path)
    message = b"Subject: x\n\n" + bytes(range(256)) * 1000
    result = run("forward", [b"a@b.c", b"d@e.f"], variables, message)  # type: ignore[operator]
    assert (result.code, result.out) == (0, b"")
    assert re.fullmatch(rb"forward: qp [1-9]\d*\n", result.err)
    assert queue.queued() == [(b"Delivered-To: joe@x.y\n" + message, b"Fowner@x.y\0Ta@b.c\0Td@e.f\0\0")]


def test_nobody_is_a_recipient_too(tmp_path: Path) -> None:
    variables, queue = env(tmp_path)
    assert call("forward", [], variables, b"x\n").code == 0
    assert queue.queued()[0][1] == b"Fowner@x.y\0\0"


@pytest.mark.parametrize("missing", [b"NEWSENDER", b"DTLINE"])
def test_it_runs_only_where_qmail_local_starts_it(tmp_path: Path, missing: bytes) -> None:
    variables, queue = env(tmp_path)
    del variables[missing]
    assert call("forward", [b"a@b.c"], variables, b"x\n") == Result(100, b"", b"forward: fatal: %b not set\n" % missing)
    assert queue.queued() == []


@pytest.mark.parametrize(
    ("why", "code", "custom", "exit_", "text"),
    [
        ("for now", 53, b"", 111, b"qq write error or disk full (#4.3.0)"),
        ("for good", 31, b"", 100, b"mail server permanently rejected message (#5.3.0)"),
        ("in words of its own", 82, b"Dn\xe9in (#5.7.1)", 100, b"n\xe9in (#5.7.1)"),
    ],
)
def test_what_the_queue_refuses_is_not_forwarded(tmp_path: Path, why: str, code: int, custom: bytes, exit_: int, text: bytes) -> None:
    variables, _ = env(tmp_path, code, custom)
    assert call("forward", [b"a@b.c"], variables, b"x\n") == Result(exit_, b"", b"forward: fatal: %b\n" % text), why


def test_a_message_that_cannot_be_read_is_not_queued(tmp_path: Path) -> None:
    variables, queue = env(tmp_path)
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        result = call("forward", [b"a@b.c"], variables, stdin_fd=fd)
    finally:
        os.close(fd)
    assert result == Result(111, b"", b"forward: fatal: unable to read message: is a directory\n")
    assert queue.queued() == []
