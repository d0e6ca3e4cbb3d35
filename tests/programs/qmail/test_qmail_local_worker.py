"""The living worker: many messages, one barrier; what is slow does not hold up the rest; nothing is delivered twice."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from mta.formats import envelope, local_job, vpasswd
from mta.formats.local_job import Address, Job, Report
from mta.programs.qmail.qmail_local import inprocess
from mta.programs.qmail.qmail_local.worker import BATCH_MAX, Worker
from mta.unix import packets
from mta.unix.disk import Disk
from tests.support import queue_program
from tests.support.local_home import MESSAGE, LocalHome, maildir, mails
from tests.unix.test_child import Writer


class CountingDisk(Disk):
    def __init__(self) -> None:
        self.syncs: list[str] = []
        self.fsync = self._fsync  # type: ignore[assignment, misc]
        self.syncfs = self._syncfs  # type: ignore[assignment, misc]

    def _fsync(self, fd: int) -> None:
        self.syncs.append("fsync")
        os.fsync(fd)

    def _syncfs(self, fd: int) -> None:
        self.syncs.append("syncfs")
        Disk.syncfs(fd)


class Lspawn:
    """The other end of a worker's socket. turn() lets the worker work once; reports are taken as they come."""

    def __init__(self, joe: LocalHome, stack: ExitStack) -> None:
        self.joe = joe
        self.disk = CountingDisk()
        self.sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        stack.enter_context(self.sock)
        stack.enter_context(theirs)
        self.worker = Worker(theirs, joe.env, self.disk)
        self.stack = stack
        self.is_alive = True
        self.reports: list[Report] = []
        self.mess = joe.path / "mess"
        self.mess.mkdir()

    def send(self, number: int, address: Address, message: bytes = MESSAGE, name: str | None = None, *, is_suspected: bool = False) -> None:
        path = self.mess / (name or str(number))
        if not path.exists():
            path.write_bytes(message)
        with path.open("rb") as file:
            packets.send(self.sock, local_job.write_job(Job(number, is_suspected, address)), [file.fileno()])

    def turn(self) -> list[Report]:
        """-> reports of this turn."""
        self.is_alive = self.worker.turn(20)
        found = []
        self.sock.setblocking(False)
        while True:
            try:
                data = self.sock.recv(1 << 16)
            except BlockingIOError:
                break
            if not data:
                break
            found += local_job.read_reports(data)
        self.reports += found
        return found

    def until(self, count: int) -> dict[int, tuple[int, bytes]]:
        """Turns until so many reports have come in all -> {number: (exit, output)}."""
        while len(self.reports) < count:
            self.turn()
        return {r.number: (r.exit, r.output) for r in self.reports}

    def end(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)
        while self.is_alive:
            self.turn()


@pytest.fixture
def lspawn(tmp_path: Path) -> Iterator[Lspawn]:
    joe = LocalHome(tmp_path)
    del joe.env[b"QMAILQUEUE"]
    with ExitStack() as stack:
        yield (lspawn := Lspawn(joe, stack))
        lspawn.end()


def other(lspawn: Lspawn, name: str) -> Address:
    """Another user of the same rights, with a Maildir."""
    home = lspawn.joe.path / name
    home.mkdir()
    maildir(home / "Maildir")
    return replace(lspawn.joe.address(), user=name.encode(), home=os.fsencode(home), local=name.encode())


# -- batches -----------------------------------------------------------------------------------------------------------------------


def test_twenty_messages_to_twenty_homes_share_two_barriers(lspawn: Lspawn) -> None:
    addresses = [other(lspawn, f"u{i}") for i in range(20)]
    for i, address in enumerate(addresses):
        lspawn.send(i, address)
    assert {r.number: (r.exit, r.output) for r in lspawn.turn()} == dict.fromkeys(range(20), (0, b"did 1+0+0\n"))
    assert lspawn.disk.syncs == ["syncfs", "syncfs"]
    for i in range(20):
        assert mails(lspawn.joe.path / f"u{i}/Maildir") == [b"Return-Path: <s@x>\nDelivered-To: u%d@h.ex\n" % i + MESSAGE]


def test_twenty_messages_to_one_maildir_share_one_barrier_and_one_directory(lspawn: Lspawn) -> None:
    box = maildir(lspawn.joe.home / "Maildir")
    for i in range(20):
        lspawn.send(i, lspawn.joe.address())
    lspawn.turn()
    assert lspawn.disk.syncs == ["syncfs", "fsync"]
    assert len(mails(box)) == 20


def test_more_than_a_batch_is_more_than_one_turn(lspawn: Lspawn) -> None:
    box = maildir(lspawn.joe.home / "Maildir")
    for i in range(BATCH_MAX + 3):
        lspawn.send(i, lspawn.joe.address())
    assert len(lspawn.turn()) == BATCH_MAX
    assert len(lspawn.turn()) == 3
    assert len(mails(box)) == BATCH_MAX + 3


def test_a_failure_is_one_message_s_own(lspawn: Lspawn) -> None:
    good, bad, gone = other(lspawn, "good"), other(lspawn, "bad"), other(lspawn, "gone")
    (lspawn.joe.path / "bad/Maildir/tmp").rmdir()
    lspawn.send(1, good)
    lspawn.send(2, bad)
    lspawn.send(3, replace(gone, dash=b"-", ext=b"x"))
    lspawn.send(4, good, b"Delivered-To: good@h.ex\n\n")
    lspawn.turn()
    assert lspawn.until(4) == {
        1: (0, b"did 1+0+0\n"),
        2: (111, b"Temporary error on maildir delivery. (#4.3.0)\n"),
        3: (100, b"Sorry, no mailbox here by that name. (#5.1.1)\n"),
        4: (100, b"This message is looping: it already has my Delivered-To line. (#5.4.6)\n"),
    }


def test_what_stands_above_a_line_that_fails_is_done(lspawn: Lspawn) -> None:
    box = maildir(lspawn.joe.home / "A")
    lspawn.joe.dot(".qmail", b"./A/\n./B/\n")
    lspawn.send(1, lspawn.joe.address())
    lspawn.turn()
    assert lspawn.until(1) == {1: (111, b"Unable to chdir to maildir. (#4.2.1)\n")}
    assert len(mails(box)) == 1


def test_a_disk_that_fails_defers_the_whole_batch(lspawn: Lspawn) -> None:
    box = maildir(lspawn.joe.home / "Maildir")

    def fail(_fd: int) -> None:
        raise OSError(5, "input/output error")

    lspawn.disk.syncfs = fail  # type: ignore[assignment, method-assign]
    for i in range(5):
        lspawn.send(i, lspawn.joe.address())
    lspawn.turn()
    assert set(lspawn.until(5).values()) == {(111, b"Temporary error on maildir delivery. (#4.3.0)\n")}
    assert mails(box) == []


def test_the_same_delivery_again_is_found(lspawn: Lspawn) -> None:
    box = maildir(lspawn.joe.home / "Maildir")
    lspawn.send(1, lspawn.joe.address(), name="m")
    lspawn.until(1)
    (file,) = (box / "new").iterdir()
    lspawn.send(2, lspawn.joe.address(), name="m")
    lspawn.until(2)
    assert len(mails(box)) == 1
    file.rename(box / "cur" / f"{file.name}:2,S")
    lspawn.send(3, lspawn.joe.address(), name="m", is_suspected=True)
    assert lspawn.until(3)[3] == (0, b"did 1+0+0\n")
    assert (len(mails(box)), len(mails(box, "cur"))) == (0, 1)


def test_no_descriptor_is_left_behind(lspawn: Lspawn) -> None:
    maildir(lspawn.joe.home / "Maildir")
    lspawn.joe.dot(".qmail-x", b"./Maildir/\n./No/\n")

    def round_() -> int:
        for i in range(5):
            lspawn.send(i, lspawn.joe.address())
            lspawn.send(i + 5, lspawn.joe.address(b"x"))
            lspawn.send(i + 10, lspawn.joe.address(b"nobody"))
        lspawn.until(len(lspawn.reports) + 15)
        return len(os.listdir("/proc/self/fd"))

    assert round_() == round_()


# -- what a batch cannot do --------------------------------------------------------------------------------------------------------


def test_a_slow_command_does_not_hold_up_the_batch_or_the_next_one(lspawn: Lspawn) -> None:
    """The command waits for us to open a FIFO; only its own report waits for it."""
    maildir(lspawn.joe.home / "Maildir")
    os.mkfifo(lspawn.joe.home / "fifo")
    lspawn.joe.dot(".qmail-slow", b"|cat fifo; exit 100\n")
    lspawn.send(1, lspawn.joe.address(b"slow"))
    lspawn.send(2, lspawn.joe.address())
    assert [r.number for r in lspawn.turn()] == [2]
    lspawn.send(3, lspawn.joe.address())
    assert [r.number for r in lspawn.turn()] == [3]
    with (lspawn.joe.home / "fifo").open("wb") as fifo:
        fifo.write(b"at last\n")
    assert lspawn.until(3)[1] == (100, b"at last\n")


@pytest.mark.parametrize(
    ("why", "text", "files", "did"),
    [
        ("an mbox", b"./Mailbox\n", ["Mailbox"], b"did 1+0+0\n"),
        ("a command", b"|cat >seen; echo hello\n", ["seen"], b"hello\ndid 0+0+1\n"),
        ("many Maildirs", b"./Maildir/\n" * 17, ["Maildir"], b"did 17+0+0\n"),
        ("a forward without a queue writer", b"./Maildir/\na@b\n", ["Maildir"], None),
    ],
)
def test_the_rest_is_done_by_a_process_of_its_own(lspawn: Lspawn, why: str, text: bytes, files: list[str], did: bytes | None) -> None:
    maildir(lspawn.joe.home / "Maildir")
    lspawn.joe.dot(".qmail", text)
    lspawn.send(1, lspawn.joe.address())
    exit_, output = lspawn.until(1)[1]
    if did is None:
        assert (exit_, output) == (111, b"Unable to forward message: unable to exec qq (#4.3.0).\n"), why
    else:
        assert (exit_, output) == (0, did), why
    assert lspawn.disk.syncs == [], "not by the worker"
    for name in files:
        assert (lspawn.joe.home / name).exists()


def test_a_large_message_is_too(lspawn: Lspawn) -> None:
    box = maildir(lspawn.joe.home / "Maildir")
    lspawn.send(1, lspawn.joe.address(), b"x\n" * inprocess.LARGE)
    assert lspawn.until(1)[1] == (0, b"did 1+0+0\n")
    assert (len(mails(box)), lspawn.disk.syncs) == (1, [])


def test_qmailqueue_names_a_program_that_may_be_slow(tmp_path: Path) -> None:
    joe = LocalHome(tmp_path)
    joe.dot(".qmail", b"a@b\n")
    with ExitStack() as stack:
        lspawn = Lspawn(joe, stack)
        lspawn.send(1, joe.address())
        exit_, output = lspawn.until(1)[1]
        assert (exit_, output.startswith(b"did 0+1+0\nqp ")) == (0, True)
        lspawn.end()
    assert joe.queue.queued() == [(b"Delivered-To: joe@h.ex\n" + MESSAGE, b"Fs@x\0Ta@b\0\0")]


def test_the_end_of_the_socket_waits_for_what_is_under_way(lspawn: Lspawn) -> None:
    os.mkfifo(lspawn.joe.home / "fifo")
    lspawn.joe.dot(".qmail", b"|cat fifo\n")
    lspawn.send(1, lspawn.joe.address())
    lspawn.turn()
    lspawn.sock.shutdown(socket.SHUT_WR)
    lspawn.turn()
    assert lspawn.is_alive
    (lspawn.joe.home / "fifo").open("wb").close()
    while lspawn.is_alive:
        lspawn.turn()
    assert [r.output for r in lspawn.reports] == [b"did 0+0+1\n"]


def test_a_user_s_command_finds_none_of_the_worker_s_descriptors(lspawn: Lspawn) -> None:
    lspawn.joe.dot(".qmail", b"|ls -l /proc/self/fd | grep -c -e socket -e anon_inode -e mess; true\n")
    lspawn.send(1, lspawn.joe.address())
    lspawn.send(2, lspawn.joe.address())
    assert set(lspawn.until(2).values()) == {(0, b"1\ndid 0+0+1\n")}  # the message alone


# -- forwards ----------------------------------------------------------------------------------------------------------------------


def test_forwards_go_to_the_queue_writer_after_the_maildirs_are_safe(lspawn: Lspawn) -> None:
    writer = Writer(lspawn.joe.path / "q", 0, 53, 31)
    box = maildir(lspawn.joe.home / "Maildir")
    lspawn.joe.dot(".qmail", b"a@b\n./Maildir/\n&c@d\n")
    for i in range(3):
        lspawn.send(i, lspawn.joe.address())
    assert lspawn.until(3) == {
        0: (0, b"did 1+2+0\nqp 1001\n"),
        1: (111, b"Unable to forward message: qq write error or disk full (#4.3.0).\n"),
        2: (100, b"Unable to forward message: mail server permanently rejected message (#5.3.0).\n"),
    }
    assert writer.got == [(b"Delivered-To: joe@h.ex\n" + MESSAGE, envelope.write(b"s@x", [b"a@b", b"c@d"]))] * 3
    assert len(mails(box)) == 3
    writer.join()


def test_forwards_go_to_the_program_in_the_place_of_qmail_queue(lspawn: Lspawn) -> None:
    """The queue writer listens, and is not asked."""
    writer = Writer(lspawn.joe.path / "q", 0)
    kept = queue_program.make(lspawn.joe.path / "kept")
    program = lspawn.joe.path / "q/bin/qmail-queue"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\nexec {os.fsdecode(kept.path)}\n")
    program.chmod(0o755)
    lspawn.joe.dot(".qmail", b"a@b\n")
    lspawn.send(0, lspawn.joe.address())
    assert lspawn.until(1)[0][0] == 0
    assert [envelope_ for _, envelope_ in kept.queued()] == [envelope.write(b"s@x", [b"a@b"])]
    assert writer.got == []
    program.unlink()
    lspawn.send(1, lspawn.joe.address())
    assert lspawn.until(2)[1] == (0, b"did 0+1+0\nqp 1001\n")
    writer.join()


def test_nothing_is_forwarded_when_a_maildir_failed(lspawn: Lspawn) -> None:
    writer = Writer(lspawn.joe.path / "q", 0)
    lspawn.joe.dot(".qmail", b"a@b\n./Maildir/\n")
    lspawn.send(1, lspawn.joe.address())
    assert lspawn.until(1)[1][0] == 111
    lspawn.joe.dot(".qmail", b"z@b\n")
    lspawn.send(2, lspawn.joe.address())
    assert lspawn.until(2)[2][0] == 0
    assert [e for _, e in writer.got] == [envelope.write(b"s@x", [b"z@b"])]
    writer.join()


def test_nothing_is_forwarded_when_the_disk_failed(lspawn: Lspawn) -> None:
    writer = Writer(lspawn.joe.path / "q", 0)
    maildir(lspawn.joe.home / "Maildir")
    lspawn.joe.dot(".qmail", b"a@b\n./Maildir/\n")

    def fail(_fd: int) -> None:
        raise OSError(5, "input/output error")

    lspawn.disk.fsync = fail  # type: ignore[assignment, method-assign]
    lspawn.send(1, lspawn.joe.address())
    assert lspawn.until(1)[1] == (111, b"Temporary error on maildir delivery. (#4.3.0)\n")
    lspawn.joe.dot(".qmail", b"z@b\n")
    lspawn.send(2, lspawn.joe.address())
    assert lspawn.until(2)[2][0] == 0
    assert [e for _, e in writer.got] == [envelope.write(b"s@x", [b"z@b"])]
    writer.join()


# -- virtual mailboxes -------------------------------------------------------------------------------------------------------------


def domain(lspawn: Lspawn, instruction: bytes = b"bounce-no-mailbox", quota: bytes = b"NOQUOTA") -> Path:
    """example.org with joe and ada, and the line that the control plane writes."""
    home = lspawn.joe.env[b"QMAIL_HOME"]
    directory = lspawn.joe.path / "example.org"
    directory.mkdir()
    rows = b"".join(b"%b:x:1:0:N:%b/%b:%b\n" % (n, os.fsencode(directory), n, quota) for n in (b"joe", b"ada"))
    (directory / "vpasswd.cdb").write_bytes(vpasswd.compile_(rows))
    (directory / ".qmail-default").write_bytes(b"| %b/bin/vdelivermail '' %b\n" % (home, instruction))
    return directory


def virtual(directory: Path, user: bytes, host: bytes = b"example.org", sender: bytes = b"s@x") -> Address:
    return Address(b"example.org", os.fsencode(directory), host + b"-" + user, b"-", user, host, sender, b"./Maildir/")


def test_virtual_mailboxes_are_delivered_to_in_the_batch(lspawn: Lspawn) -> None:
    directory = domain(lspawn)
    for i, user in enumerate((b"joe", b"ada", b"JOE", b"joe")):
        lspawn.send(i, virtual(directory, user))
    lspawn.send(4, virtual(directory, b"nobody"))
    lspawn.turn()
    assert lspawn.until(5) == {
        **dict.fromkeys(range(4), (0, b"did 0+0+1\n")),
        4: (100, b"Sorry, no mailbox here by that name. (#5.1.1)\n"),
    }
    assert lspawn.disk.syncs == ["syncfs", "fsync", "fsync"]
    assert mails(directory / "joe/Maildir") == [b"Return-Path: <s@x>\nDelivered-To: joe@example.org\n" + MESSAGE] * 3
    assert len(mails(directory / "ada/Maildir")) == 1


def test_a_batch_does_not_fill_a_mailbox_beyond_its_quota(lspawn: Lspawn) -> None:
    directory = domain(lspawn, quota=b"3C")
    for i in range(10):
        lspawn.send(i, virtual(directory, b"joe"))
    reports = lspawn.until(10)
    assert sorted(reports.values()) == [(0, b"did 0+0+1\n")] * 3 + [(100, b"user is over quota\n")] * 7
    assert len(mails(directory / "joe/Maildir")) == 3


def test_a_virtual_user_s_commands_get_a_process_of_their_own(lspawn: Lspawn) -> None:
    directory = domain(lspawn)
    (directory / "joe").mkdir()
    (directory / "joe/.qmail").write_bytes(b'./Maildir/\n|echo "$PWD for $EXT@$HOST"; exit 99\n./never/\n')
    lspawn.send(1, virtual(directory, b"joe"))
    assert lspawn.until(1)[1] == (0, os.fsencode(directory) + b"/joe for joe@example.org\ndid 0+0+1\n")
    assert len(mails(directory / "joe/Maildir")) == 1


def test_a_virtual_user_s_forwards_go_to_the_queue_writer(lspawn: Lspawn) -> None:
    writer = Writer(lspawn.joe.path / "q", 0, 0)
    directory = domain(lspawn, b"catch@all.example")
    (directory / "joe").mkdir()
    (directory / "joe/.qmail").write_bytes(b"&a@b\n./Maildir/\nc@d\n")
    lspawn.send(1, virtual(directory, b"joe"))
    lspawn.send(2, virtual(directory, b"nobody"))
    assert lspawn.until(2) == {1: (0, b"did 0+0+1\n"), 2: (0, b"did 0+0+1\n")}
    assert sorted(writer.got) == [
        (b"Delivered-To: joe@example.org\n" + MESSAGE, envelope.write(b"s@x", [b"a@b", b"c@d"])),
        (b"Delivered-To: nobody@example.org\n" + MESSAGE, envelope.write(b"s@x", [b"catch@all.example"])),
    ]
    writer.join()


def test_somebody_elses_vdelivermail_is_run_as_a_command(lspawn: Lspawn) -> None:
    directory = domain(lspawn)
    program = lspawn.joe.path / "q/bin/vdelivermail"
    program.write_text('#!/bin/sh\necho "original: $*"\n')
    program.chmod(0o755)
    with ExitStack() as stack:
        (lspawn.joe.path / "again").mkdir()
        second = Lspawn(_elsewhere(lspawn.joe), stack)
        second.send(1, virtual(directory, b"joe"))
        assert second.until(1)[1] == (0, b"original:  bounce-no-mailbox\ndid 0+0+1\n")
        second.end()


def _elsewhere(joe: LocalHome) -> LocalHome:
    found = LocalHome.__new__(LocalHome)
    found.path, found.home, found.queue, found.env = joe.path / "again", joe.home, joe.queue, joe.env
    return found


def test_a_new_vpasswd_cdb_counts_at_once(lspawn: Lspawn) -> None:
    directory = domain(lspawn)
    lspawn.send(1, virtual(directory, b"bo"))
    assert lspawn.until(1)[1][0] == 100
    new = directory / "new.cdb"
    new.write_bytes(vpasswd.compile_(b"bo:x:1:0:N:%b/bo:NOQUOTA\n" % os.fsencode(directory)))
    new.rename(directory / "vpasswd.cdb")
    lspawn.send(2, virtual(directory, b"bo"))
    assert lspawn.until(2)[2] == (0, b"did 0+0+1\n")


def test_an_alias_domain_delivers_to_the_real_one(lspawn: Lspawn) -> None:
    directory = domain(lspawn)
    lspawn.send(1, virtual(directory, b"joe", host=b"old.org"))
    assert lspawn.until(1)[1] == (0, b"did 0+0+1\n")
    assert mails(directory / "joe/Maildir")[0].split(b"\n")[1] == b"Delivered-To: joe@example.org"
