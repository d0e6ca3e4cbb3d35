"""qmHandle on a queue that stands still, on one of a qmail-send at work, and on one of a qmail-send that takes no orders."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta.programs.queue_tools.qmhandle import hands
from mta.unix import queue_scan
from mta.unix.queuedir import Paths
from tests.support import queue_program
from tests.support.call import Result, call
from tests.support.qmail_home import QmailHome
from tests.support.sender import Sender

MESSAGE = b"""Received: (qmail 1 invoked by uid 7)
From: Ada <ada@example.org>
To: bo@far.example,
 joe@host.example.org
Subject: Cheap
 watches \xe9\x1b[31m
Date: 1 Jan 2026 00:00:00 -0000

Dear friend,
buy my Watches
"""
PLAIN = b"Subject: minutes\n\nno watches here\n"


class Queue:
    """Four messages: local, remote, both (with a bounce), and one that is not preprocessed."""

    def __init__(self, home: QmailHome) -> None:
        self.home = home
        self.local = home.preprocessed(PLAIN, b"ada@example.org", local=(b"joe@host.example.org",))
        self.remote = home.preprocessed(MESSAGE, b"spam@bad.example", remote=(b"bo@far.example", b"cy@far.example"))
        self.both = home.preprocessed(PLAIN, b"", local=(b"joe@host.example.org",), remote=(b"dee@far.example",))
        (home.queue / f"bounce/{self.both}").write_text("<x>:\ny\n\n")
        self.todo = home.enqueue(MESSAGE, b"eve@example.org", b"bo@far.example")

    @property
    def all(self) -> list[int]:
        return sorted((self.local, self.remote, self.both, self.todo))

    def handle(self, *argv: str) -> Result:
        return call("qmHandle", [os.fsencode(word) for word in argv], {b"QMAIL_HOME": self.home.home})

    def numbers(self, *argv: str) -> list[int]:
        result = self.handle("-N", *argv)
        assert (result.code, result.err) == (0, b"")
        return [int(line) for line in result.out.split()]

    def left(self) -> list[int]:
        return [message.messnum for message in queue_scan.messages(Paths(os.fsencode(self.home.queue)))]


@pytest.fixture
def home(tmp_path: Path) -> QmailHome:
    return QmailHome(tmp_path / "q")


@pytest.fixture
def queue(home: QmailHome) -> Queue:
    return Queue(home)


# -- looking


def test_lists_of_numbers(queue: Queue) -> None:
    assert queue.numbers("-l") == queue.all
    assert queue.numbers("-L") == sorted((queue.local, queue.both))
    assert queue.numbers("-R") == sorted((queue.remote, queue.both))
    assert queue.numbers("-LR") == sorted((queue.local, queue.both)) + sorted((queue.remote, queue.both))


def test_an_entry_of_a_list(queue: Queue) -> None:
    out = queue.handle("-R").out
    assert b"%d (%d, LR)\n" % (queue.both, queue.both % 23) in out
    wanted = b"""%d (%d, R)
  Return-path: spam@bad.example
  From: Ada <ada@example.org>
  To: bo@far.example, joe@host.example.org
  Subject: Cheap watches ??[31m
  Date: 1 Jan 2026 00:00:00 -0000
  Size: %d bytes

""" % (queue.remote, queue.remote % 23, len(MESSAGE))
    assert wanted in out
    assert out.endswith(b"Messages in local queue: 2\nMessages in remote queue: 2\n")
    assert b"%d (%d, T)\n  Return-path: eve@example.org\n" % (queue.todo, queue.todo % 23) in queue.handle("-l").out


def test_counts(queue: Queue) -> None:
    assert queue.handle("-s").out == (
        b"Total messages: 4\nMessages with local recipients: 2\nMessages with remote recipients: 2\n"
        b"Messages with bounces: 1\nMessages in preprocess: 1\n"
    )
    assert queue.handle("-cs").out.startswith(b"\x1b[01;34mTotal messages:\x1b[00m 4\n")


def test_a_message_is_shown(queue: Queue) -> None:
    head = b"\n --------------\nMESSAGE NUMBER %d \n --------------\n" % queue.remote
    assert queue.handle(f"-m{queue.remote}") == Result(0, head + MESSAGE, b"")


def test_an_empty_queue(home: QmailHome) -> None:
    result = call("qmHandle", [b"-ls"], {b"QMAIL_HOME": home.home})
    assert result.out.startswith(b"Messages in local queue: 0\nMessages in remote queue: 0\nTotal messages: 0\n")
    assert call("qmHandle", [b"-D"], {b"QMAIL_HOME": home.home}).out == b"Deleted 0 messages from queue\n"


# -- choosing

CHOICES = [
    ("its number", "-d{remote}", ["remote"]),
    ("sender", "-fada@example.org", ["local"]),
    ("sender, in capitals", "-fAda@example.org", []),
    ("no such sender", "-fx", []),
    ("senders", "-Fexample.org$", ["local", "todo"]),
    ("senders, the null one, too", "-F^", ["local", "remote", "both", "todo"]),
    ("recipient", "-xjoe@host.example.org", ["local", "both"]),
    ("recipient of one that waits", "-xbo@far.example", ["remote", "todo"]),
    ("part of a recipient", "-xjoe", []),
    ("recipients", "-X^(cy|dee)@", ["remote", "both"]),
    ("subject", "-SCheap watches", ["remote", "todo"]),
    ("subject, in small letters", "-Scheap", []),
    ("words that are not in the subject", "-Sno watches", []),
    ("header", "-hFROM: ada", ["remote", "todo"]),
    ("header, as it is written", "-HFROM: ada", []),
    ("a folded line of it", "-HTo: bo@far.example, joe", ["remote", "todo"]),
    ("not the body", "-Hwatches here", []),
    ("body", "-bWATCHES$", ["remote", "todo"]),
    ("body, as it is written", "-BWatches", ["remote", "todo"]),
    ("not the header", "-BCheap", []),
    ("octets", "-B^no watches here$", ["local", "both"]),
    ("all", "-D", ["local", "remote", "both", "todo"]),
]


@pytest.mark.parametrize(("why", "option", "gone"), CHOICES, ids=[row[0] for row in CHOICES])
def test_what_is_chosen_is_deleted_and_nothing_else(why: str, option: str, gone: list[str], queue: Queue) -> None:
    numbers = {name: getattr(queue, name) for name in ("local", "remote", "both", "todo")}
    result = queue.handle(option.format(**numbers))
    lines = [b"Deleting message %d...\n" % n for n in sorted(numbers[name] for name in gone)]
    assert result == Result(0, b"".join(lines) + b"Deleted %d messages from queue\n" % len(gone), b"")
    assert queue.left() == sorted(set(queue.all) - {numbers[name] for name in gone})


def test_options_are_done_in_their_order(queue: Queue) -> None:
    result = queue.handle("-fada@example.org", "-s", "-D")
    assert b"Total messages: 3\n" in result.out
    assert queue.left() == []


def test_nothing_of_a_deleted_message_stays(queue: Queue) -> None:
    (queue.home.queue / f"intd/{queue.todo}").touch()
    queue.handle("-D")
    assert queue.home.files() == []


def test_what_is_just_being_queued_is_left_alone(queue: Queue) -> None:
    """S2 and S3: only mess/ and perhaps intd/."""
    (queue.home.queue / f"todo/{queue.todo}").unlink()
    assert queue.todo not in queue.numbers("-l")
    queue.handle("-D")
    assert queue.home.files() == [f"mess/{queue.todo % 23}/{queue.todo}"]


def test_a_damaged_file_hides_no_message(queue: Queue) -> None:
    queue.home.split("info", queue.local).write_bytes(b"x")
    queue.home.split("remote", queue.remote).write_bytes(b"Xx\0")
    (queue.home.queue / f"todo/{queue.todo}").write_bytes(b"x")
    assert queue.numbers("-l") == queue.all
    assert queue.handle("-s").code == 0
    assert queue.handle("-F^nobody$").code == 0
    assert queue.handle("-D").out.endswith(b"Deleted 4 messages from queue\n")


def test_trying_again_makes_it_due_and_no_older(queue: Queue) -> None:
    later = time.time() + 5000
    for folder in ("local", "remote"):
        os.utime(queue.home.split(folder, queue.both), (later, later))
    born = queue.home.split("info", queue.both).stat().st_mtime
    assert queue.handle("-tdee@").out == b"Trying again message %d...\n" % queue.both
    assert all(queue.home.split(folder, queue.both).stat().st_mtime < later - 1000 for folder in ("local", "remote"))
    assert queue.home.split("info", queue.both).stat().st_mtime == born


# -- qmail-send runs


@pytest.fixture
def send(home: QmailHome, tmp_path: Path) -> Iterator[Sender]:
    kept = queue_program.make(tmp_path / "kept")
    with Sender(home, env={b"QMAILQUEUE": kept.path}) as found:
        found.log_until("status")
        yield found


def deferred(home: QmailHome, send: Sender) -> int:
    """A message of two remote recipients, of which one is still to do."""
    messnum = home.enqueue(MESSAGE, b"ada@example.org", b"x@far.example", b"y@far.example")
    send.remote.answer(b"K", b"ok\n")
    send.remote.answer(b"Z", b"greylisted\n")
    send.log_until("delivery 2: deferral")
    send.log_until("status: local 0/10 remote 0/20")
    return messnum


def handle(home: QmailHome, *argv: bytes) -> Result:
    return call("qmHandle", list(argv), {b"QMAIL_HOME": home.home})


def test_qmail_send_deletes_what_it_has_in_hand(home: QmailHome, send: Sender) -> None:
    messnum = deferred(home, send)
    assert handle(home, b"-xy@far.example").out == b"Deleting message %d...\nDeleted 1 messages from queue\n" % messnum
    send.log_until(f"end msg {messnum}")


def test_qmail_send_tries_again(home: QmailHome, send: Sender) -> None:
    messnum = deferred(home, send)
    assert handle(home, b"-ty@").out == b"Trying again message %d...\n" % messnum
    assert send.remote.command().recipient == b"y@far.example"


def test_qmail_send_tries_all_again(home: QmailHome, send: Sender) -> None:
    deferred(home, send)
    assert handle(home, b"-a") == Result(0, b"", b"")
    assert send.remote.command().recipient == b"y@far.example"


def test_a_message_whose_delivery_is_under_way_is_told_of(home: QmailHome, send: Sender) -> None:
    first = deferred(home, send)
    second = home.enqueue(MESSAGE, b"ada@example.org", b"z@far.example", b"zz@far.example")
    command = send.remote.command()
    result = handle(home, b"-D")
    assert result.code == 111
    assert result.out.endswith(b"Deleted 1 messages from queue\n")
    assert result.err.startswith(b"qmHandle: warning: message %d: " % second)
    send.remote.report(command, b"K", b"ok\n")
    send.log_until(f"end msg {first}")


# -- a qmail-send that takes no orders


@pytest.mark.parametrize("place", ["lock/sendmutex", "todo"])
def test_nothing_is_deleted_under_another_qmail_send(place: str, queue: Queue) -> None:
    fd = os.open(queue.home.queue / place, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    try:
        said = b"qmHandle: fatal: qmail-send is running and takes no orders from us: stop it first\n"
        assert queue.handle("-D") == Result(111, b"", said)
        assert queue.handle("-a") == Result(111, b"", said)
        assert queue.numbers("-l") == queue.all
    finally:
        os.close(fd)


def test_while_we_work_none_starts(queue: Queue) -> None:
    with hands.find(queue.home.home, Paths(os.fsencode(queue.home.queue))):
        fd = os.open(queue.home.queue / "lock/sendmutex", os.O_WRONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(fd)


# -- what is wrong


@pytest.mark.parametrize("argv", [[], ["-c"], ["-N"], ["x"], ["-"], ["-z"], ["-d"], ["-dx"], ["-m1x"], ["-f"], ["-lx"], ["--help"]])
def test_wrong_arguments(argv: list[str], queue: Queue) -> None:
    result = queue.handle(*argv)
    assert (result.code, result.out) == (100, b"")
    assert result.err.startswith(b"qmHandle: usage: qmHandle [ -cNalLRsDV ]")


def test_an_expression_that_is_none(queue: Queue) -> None:
    result = queue.handle("-B(")
    assert (result.code, result.out) == (100, b"")
    assert result.err.startswith(b"qmHandle: fatal: no expression: ")
    assert queue.left() == queue.all


def test_a_message_that_is_not_there(queue: Queue) -> None:
    assert queue.handle("-m1") == Result(111, b"", b"qmHandle: fatal: there is no message 1 in the queue\n")
    assert queue.handle("-d1") == Result(0, b"Deleted 0 messages from queue\n", b"")


def test_trying_all_again_needs_qmail_send(queue: Queue) -> None:
    assert queue.handle("-a") == Result(111, b"", b"qmHandle: fatal: qmail-send is not running\n")


def test_without_a_queue(tmp_path: Path) -> None:
    result = call("qmHandle", [b"-l"], {b"QMAIL_HOME": os.fsencode(tmp_path)})
    assert result == Result(111, b"", b"qmHandle: fatal: unable to read the queue: file does not exist\n")


def test_its_version(queue: Queue) -> None:
    assert queue.handle("-V").out.startswith(b"qmHandle 1.3")
