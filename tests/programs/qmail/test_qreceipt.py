from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support import queue_program
from tests.support.call import Result, call, process

ASKED = b"Message-ID: <1@x>\nNotice-Requested-Upon-Delivery-To: joe@x.y\n\nbody\n"
NOTICE = (
    b"From: DELIVERY NOTICE SYSTEM <ada@x.y>\nTo: <ada@x.y>\nSubject: success notice\n\n"
    b"Hi! This is the qreceipt program. Your message was delivered to the\nfollowing address: joe@x.y. Thanks for asking.\n"
    b"Your Message-ID: <1@x>\n"
)


def env(home: Path, exit_: int = 0, sender: bytes = b"ada@x.y") -> tuple[dict[bytes, bytes], queue_program.QueueProgram]:
    queue = queue_program.make(home / "kept", exit_)
    return {b"QMAIL_HOME": os.fsencode(home), b"QMAILQUEUE": queue.path, b"SENDER": sender}, queue


@pytest.mark.parametrize("run", [call, process])
def test_it_tells_the_sender_who_asked(tmp_path: Path, run: object) -> None:
    variables, queue = env(tmp_path)
    assert run("qreceipt", [b"joe@x.y"], variables, ASKED) == Result(0, b"", b"")  # type: ignore[operator]
    assert queue.queued() == [(NOTICE, b"F\0Tada@x.y\0\0")]


@pytest.mark.parametrize(
    ("why", "field"),
    [
        ("among others", b"Notice-Requested-Upon-Delivery-To: ann@x, Joe <joe@x.y> (me), bo@z"),
        ("quoted where that is not needed", b'Notice-Requested-Upon-Delivery-To: "joe"@x.y'),
        ("over two lines", b"Notice-Requested-Upon-Delivery-To:\n joe@x.y"),
        ("its name in other letters", b"notice-requested-upon-delivery-TO : joe@x.y"),
        ("in the second of two fields", b"Notice-Requested-Upon-Delivery-To: a@b\nNotice-Requested-Upon-Delivery-To: joe@x.y"),
        ("and no body behind it", b"Subject: x\nNotice-Requested-Upon-Delivery-To: joe@x.y"),
    ],
)
def test_the_address_is_found(tmp_path: Path, why: str, field: bytes) -> None:
    variables, queue = env(tmp_path)
    assert call("qreceipt", [b"joe@x.y"], variables, field).code == 0
    assert [envelope for _, envelope in queue.queued()] == [b"F\0Tada@x.y\0\0"], why


@pytest.mark.parametrize(
    ("why", "message", "sender"),
    [
        ("nobody asked", b"Subject: x\n\nb\n", b"ada@x.y"),
        ("for somebody else", b"Notice-Requested-Upon-Delivery-To: ann@x.y\n\nb\n", b"ada@x.y"),
        ("case matters", b"Notice-Requested-Upon-Delivery-To: Joe@x.y\n\nb\n", b"ada@x.y"),
        ("asked in the body", b"Subject: x\n\n" + ASKED, b"ada@x.y"),
        ("a bounce", ASKED, b""),
        ("a bounce of a bounce", ASKED, b"#@[]"),
        ("no message at all", b"", b"ada@x.y"),
    ],
)
def test_it_keeps_silent(tmp_path: Path, why: str, message: bytes, sender: bytes) -> None:
    variables, queue = env(tmp_path, sender=sender)
    assert call("qreceipt", [b"joe@x.y"], variables, message) == Result(0, b"", b""), why
    assert queue.queued() == []


def test_without_a_message_id_it_names_none_and_quotes_the_sender(tmp_path: Path) -> None:
    variables, queue = env(tmp_path, sender=b"a b@x.y")
    assert call("qreceipt", [b"joe@x.y"], variables, b"Notice-Requested-Upon-Delivery-To: joe@x.y\n\n").code == 0
    assert queue.queued() == [(NOTICE.replace(b"<ada@x.y>", b'<"a b"@x.y>').replace(b"Your Message-ID: <1@x>\n", b""), b"F\0Ta b@x.y\0\0")]


def test_a_sender_with_a_line_break_adds_no_field_to_the_notice(tmp_path: Path) -> None:
    variables, queue = env(tmp_path, sender=b"a\nBcc: eve@x")
    assert call("qreceipt", [b"joe@x.y"], variables, ASKED) == Result(100, b"", b"qreceipt: fatal: permanent qmail-queue error\n")
    assert queue.queued() == []


@pytest.mark.parametrize(
    "field", [b"Notice-Requested-Upon-Delivery-To: joe@x.y (\n", b"Notice-Requested-Upon-Delivery-To: list: joe@x.y\n"]
)
def test_a_field_that_is_no_list_is_shown(tmp_path: Path, field: bytes) -> None:
    variables, queue = env(tmp_path)
    assert call("qreceipt", [b"joe@x.y"], variables, field + b"\n") == Result(100, b"", b"qreceipt: fatal: unable to parse this: " + field)
    assert queue.queued() == []


@pytest.mark.parametrize(("code", "exit_", "word"), [(53, 111, b"temporary"), (31, 100, b"permanent")])
def test_a_notice_that_is_not_queued(tmp_path: Path, code: int, exit_: int, word: bytes) -> None:
    variables, _ = env(tmp_path, code)
    assert call("qreceipt", [b"joe@x.y"], variables, ASKED) == Result(exit_, b"", b"qreceipt: fatal: %b qmail-queue error\n" % word)


def test_a_message_that_cannot_be_read(tmp_path: Path) -> None:
    variables, _ = env(tmp_path)
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        result = call("qreceipt", [b"joe@x.y"], variables, stdin_fd=fd)
    finally:
        os.close(fd)
    assert result == Result(111, b"", b"qreceipt: fatal: read error\n")


@pytest.mark.parametrize(("argv", "missing"), [([], b""), ([b"joe@x.y"], b"SENDER")])
def test_wrong_use(tmp_path: Path, argv: list[bytes], missing: bytes) -> None:
    variables, _ = env(tmp_path)
    variables.pop(missing, None)
    assert call("qreceipt", argv, variables, ASKED) == Result(100, b"", b"qreceipt: usage: qreceipt deliveryaddress\n")
