"""The callers of queue-writer: who does not listen is not heard, who leaves things unfinished leaves nothing behind."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from mta.formats import queue_call
from mta.programs.servers.queue_writer.callers import STREAMS_MAX, Broken, Caller, Invoker, Shop
from mta.programs.servers.queue_writer.extra import Extra
from mta.unix.accounts import Account, Accounts
from mta.unix.queuedir import Enqueuer
from tests.support.sim_disk import Queue, SimDisk

HOW = Invoker(Accounts(True, {"alias": Account("alias", 1, 1)}))


class Site:
    def __init__(self) -> None:
        self.disk = SimDisk(Queue().folders)
        self.shop = Shop(Enqueuer(b".", pid=1, disk=self.disk), HOW, Extra(b"/nowhere"), 0)
        self.sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        theirs.setblocking(False)
        self.caller = Caller(theirs, self.shop)

    def say(self, *frames: bytes) -> None:
        data = b"".join(frames)
        for at in range(0, len(data), 1 << 16):
            self.sock.sendall(data[at : at + (1 << 16)])
            self.caller.read()

    def open_files(self) -> int:
        return len(self.disk._fds)


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    with site.sock, site.caller.sock:
        yield site


def part(stream: int, size: int) -> bytes:
    return queue_call.frame(stream, queue_call.MESSAGE, b"x" * size)


@pytest.mark.parametrize(
    ("case", "uid", "how"),
    [
        ("Q03 alias", 1, b"by alias"),
        ("Q03 the network daemons", 2, b"from network"),
        ("Q03 qmail-send", 3, b"for bounce"),
        ("Q03 anybody else", 4, b"by uid 4"),
        ("Q03 root", 0, b"by uid 0"),
    ],
)
def test_who_is_calling_stands_in_the_received_line(case: str, uid: int, how: bytes) -> None:
    who = {name: Account(name, number, 9) for number, name in enumerate(("root", "alias", "qmaild", "qmails"))}
    assert Invoker(Accounts(False, who)).text(uid) == how, case
    assert Invoker(Accounts(True, who)).text(uid) == b"by uid %d" % uid, "an instance of one user tells them apart by nothing"


def test_a_small_message_is_written_when_its_envelope_comes(site: Site) -> None:
    site.say(part(1, 100))
    assert site.open_files() == 0
    site.say(part(1, 100), queue_call.frame(1, queue_call.ENVELOPE, b"Fa@b\0Tx@y\0\0"))
    (message,) = site.shop.done
    assert message.submission is not None and message.submission.has_mess and not message.submission.has_todo
    assert site.caller.waiting == 0


def test_many_small_beginnings_do_not_fill_the_memory(site: Site) -> None:
    for stream in range(1, 101):
        site.say(part(stream, 100_000))
    assert site.caller.waiting <= 4 << 20
    assert site.open_files() > 50
    site.caller.close()
    assert (site.open_files(), site.caller.waiting) == (0, 0)


def test_a_caller_may_not_begin_messages_without_end(site: Site) -> None:
    with pytest.raises(Broken):
        for stream in range(STREAMS_MAX + 1):
            site.say(part(stream, 0))


@pytest.mark.parametrize("kind", [queue_call.ABORT, queue_call.ENVELOPE])
def test_what_ends_without_an_envelope_leaves_no_file(site: Site, kind: bytes) -> None:
    site.say(part(1, 300_000))
    assert site.open_files() == 1
    site.say(queue_call.frame(1, kind, b"Fnot an envelope"))
    assert site.open_files() == 0
    assert [m.exit for m in site.shop.done] == ([] if kind == queue_call.ABORT else [54])


def test_a_caller_that_does_not_listen_is_not_heard_until_it_does(site: Site) -> None:
    site.caller.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    site.say(*(queue_call.frame(i, queue_call.ENVELOPE, b"nothing") for i in range(1, 6001)))
    for message in site.shop.done:
        site.caller.answer(message)
    site.caller.write()
    assert site.caller.has_unsent and site.caller.is_deaf
    answers = b""
    while site.caller.has_unsent:
        answers += site.sock.recv(1 << 20)
        site.caller.write()
    answers += site.sock.recv(1 << 20, socket.MSG_DONTWAIT)
    frames, used = queue_call.read_frames(answers)
    assert used == len(answers) and [stream for stream, _, _ in frames] == list(range(1, 6001))


def test_who_is_calling_is_what_the_kernel_says(site: Site) -> None:
    assert (site.caller.pid, site.caller.uid) == (os.getpid(), os.getuid())
