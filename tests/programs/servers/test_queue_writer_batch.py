"""While a batch is on its way to disk the next one is read, but not more than that."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta.formats import envelope, queue_call
from mta.programs.servers.queue_writer import writer as writer_module
from mta.programs.servers.queue_writer.callers import Invoker
from mta.programs.servers.queue_writer.extra import Extra
from mta.programs.servers.queue_writer.writer import Writer
from mta.unix.accounts import Account, Accounts
from mta.unix.disk import Disk
from mta.unix.queuedir import SYNCFS_FROM, Enqueuer
from tests.support.process import PATIENCE_S
from tests.support.qmail_home import QmailHome


class SlowDisk(Disk):
    """A barrier for many ends when it may. fails: the next one does."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Semaphore(0), threading.Semaphore(0)
        self.fails = False

    def syncfs(self, fd: int) -> None:  # type: ignore[override]
        self.begun.release()
        assert self.may_end.acquire(timeout=PATIENCE_S)
        if self.fails:
            raise OSError(5, "input/output error")


class Bench:
    """A writer, and one caller who has sent so many messages."""

    def __init__(self, folder: Path) -> None:
        self.home = QmailHome(folder / "q")
        self.disk = SlowDisk()
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listening.bind(os.fspath(folder / "socket"))
        self.listening.listen()
        how = Invoker(Accounts(True, {"alias": Account("alias", 1, 1)}))
        self.writer = Writer(self.listening, Enqueuer(os.fsencode(self.home.queue), pid=1, disk=self.disk), how, Extra(self.home.home))
        self.caller = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.caller.connect(os.fspath(folder / "socket"))
        self.caller.setblocking(False)
        self._sent = 0
        self._heard = b""

    def close(self) -> None:
        self.writer.close()
        self.caller.close()
        self.listening.close()

    def send(self, count: int) -> None:
        for _ in range(count):
            self._sent += 1
            self.caller.sendall(queue_call.frame(self._sent, queue_call.MESSAGE, b"Subject: x\n\n"))
            self.caller.sendall(queue_call.frame(self._sent, queue_call.ENVELOPE, envelope.write(b"a@b", (b"c@d",))))

    def begin(self, count: int) -> None:
        """That many are on their way to disk, and the barrier does not end."""
        self.send(count)
        self.writer.turn()  # the caller is accepted
        self.writer.turn()
        assert self.disk.begun.acquire(timeout=PATIENCE_S)

    def staged(self) -> int:
        return sum(len(names) for _, _, names in os.walk(self.home.queue / "mess"))

    def exits(self) -> list[int]:
        """Of all answers so far."""
        try:
            self._heard += self.caller.recv(1 << 16)
        except BlockingIOError:
            pass
        return [queue_call.read_result(payload)[0] for _, _, payload in queue_call.read_frames(self._heard)[0]]

    def end(self, count: int) -> None:
        """Let barriers end until so many are answered."""
        while len(self.exits()) < count:
            self.disk.may_end.release()
            self.writer.turn()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.disk.may_end.release(100)
    bench.close()


def test_messages_are_taken_while_others_are_on_their_way_to_disk(bench: Bench) -> None:
    bench.begin(SYNCFS_FROM)
    bench.send(5)
    bench.writer.turn()
    assert bench.staged() == SYNCFS_FROM + 5
    assert bench.exits() == []
    assert os.listdir(bench.home.queue / "todo") == []
    bench.end(SYNCFS_FROM + 5)
    assert bench.exits() == [0] * (SYNCFS_FROM + 5)
    assert len(os.listdir(bench.home.queue / "todo")) == SYNCFS_FROM + 5


def test_no_more_than_a_batch_waits_for_a_slow_disk(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "BATCH_MAX", 5)
    bench.begin(SYNCFS_FROM)
    bench.send(5)
    bench.writer.turn()
    bench.send(7)
    bench.disk.may_end.release()  # without which the next turn would wait
    bench.writer.turn()
    assert len(os.listdir(bench.home.queue / "todo")) == SYNCFS_FROM
    bench.end(SYNCFS_FROM + 12)
    assert bench.exits() == [0] * (SYNCFS_FROM + 12)


def test_a_barrier_that_fails_is_told_to_its_batch_alone(bench: Bench) -> None:
    bench.begin(SYNCFS_FROM)
    bench.disk.fails = True
    bench.end(SYNCFS_FROM)
    assert bench.exits() == [53] * SYNCFS_FROM
    assert bench.staged() == 0
    bench.disk.fails = False
    bench.send(SYNCFS_FROM)
    bench.end(2 * SYNCFS_FROM)
    assert bench.exits()[SYNCFS_FROM:] == [0] * SYNCFS_FROM


def test_what_was_whole_is_queued_when_it_is_told_to_stop(bench: Bench) -> None:
    bench.begin(SYNCFS_FROM)
    bench.send(3)
    bench.writer.turn()
    os.kill(os.getpid(), 15)
    bench.disk.may_end.release(5)
    assert not bench.writer.turn()
    assert bench.exits() == [0] * (SYNCFS_FROM + 3)
