"""qmail-queue and the queue writer behind it: what is stored, which exit each trouble has, what a caller can rely on."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta.formats import queue_call
from mta.unix import queue_call as caller
from tests.conftest import ROOT
from tests.support.process import Process, running
from tests.support.qmail_home import QmailHome

THIN = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from mta import runner; runner.run('qmail-queue', {{home!r}})"


@pytest.fixture
def home(tmp_path: Path) -> QmailHome:
    return QmailHome(tmp_path / "q")


@pytest.fixture
def writer(home: QmailHome) -> Iterator[Process]:
    with running(home.path, "queue-writer") as process:
        yield process


def qmail_queue(home: QmailHome, message: bytes, envelope: bytes) -> tuple[int, int]:
    """-> (exit code, its process id)"""
    read_end, write_end = os.pipe()
    program = [sys.executable, "-I", "-S", "-c", THIN.format(home=home.home)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=read_end) as process:
        os.close(read_end)
        assert process.stdin is not None
        try:
            process.stdin.write(message)
            process.stdin.close()
            os.write(write_end, envelope)
        except BrokenPipeError:
            pass
        os.close(write_end)
        return process.wait(), process.pid


def queued(home: QmailHome) -> list[tuple[bytes, bytes]]:
    """(message, todo) of everything in S4."""
    found = []
    for path in sorted((home.queue / "todo").iterdir()):
        found.append((home.split("mess", int(path.name)).read_bytes(), path.read_bytes()))
    return found


def test_q01_q02_a_message_is_stored_under_its_inode(home: QmailHome, writer: Process) -> None:
    code, pid = qmail_queue(home, b"Subject: x\n\nb", b"Fs@a\0Tr@b\0\0")
    assert code == 0
    ((message, todo),) = queued(home)
    uid = os.getuid()
    assert re.fullmatch(rb"Received: \(qmail %d invoked by uid %d\); \d+ \w{3} \d{4} [\d:]{8} -0000\nSubject: x\n\nb" % (pid, uid), message)
    assert todo == b"u%d\0p%d\0Fs@a\0Tr@b\0" % (uid, pid)
    (name,) = (p.name for p in (home.queue / "todo").iterdir())
    mess = home.split("mess", int(name))
    assert mess.stat().st_ino == int(name)
    assert mess.stat().st_mode & 0o777 == 0o644
    assert (home.queue / "todo" / name).stat().st_mode & 0o777 == 0o644
    assert not list((home.queue / "pid").iterdir())


@pytest.mark.parametrize(
    ("case", "envelope", "exit_"),
    [
        ("Q04", b"F\0\0", 0),
        ("Q05", b"Fa\0Tb\0", 54),
        ("Q06", b"", 54),
        ("Q07", b"Xa\0", 91),
        ("Q07", b"Fa\0Xb\0\0", 91),
        ("Q08", b"F" + b"a" * 1002 + b"\0\0", 0),
        ("Q08", b"F" + b"a" * 1003 + b"\0\0", 11),
        ("Q09", b"Fa\0\0garbage", 0),
        ("a byte no address holds", b"Fa\rb\0\0", 31),
    ],
)
def test_envelopes(home: QmailHome, writer: Process, case: str, envelope: bytes, exit_: int) -> None:
    assert qmail_queue(home, b"x\n", envelope)[0] == exit_, case
    assert len(queued(home)) == (exit_ == 0)
    if exit_:
        assert home.files() == [], "something was left behind"


@pytest.mark.parametrize("size", [100, 150_000])
def test_what_callers_left_when_they_died_is_queued_before_a_later_question_is_answered(
    home: QmailHome, writer: Process, size: int
) -> None:
    for count in range(1, 11):
        os.kill(writer.pid, signal.SIGSTOP)  # so that all of it waits in sockets
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(home.home + b"/" + queue_call.SOCKET)
            sock.sendall(queue_call.frame(0, queue_call.MESSAGE, b"x" * size) + queue_call.frame(0, queue_call.ENVELOPE, b"Fa@b\0Tc@d\0\0"))
        asking = threading.Thread(target=caller.settle, args=(home.home,))
        asking.start()
        os.kill(writer.pid, signal.SIGCONT)
        asking.join()
        assert len(queued(home)) == count


def test_q11_bytes_are_stored_as_they_came(home: QmailHome, writer: Process) -> None:
    body = bytes(range(256)) + b"\r\n\0\n\r"
    assert qmail_queue(home, body, b"F\0T\0\0")[0] == 0
    assert queued(home)[0][0].partition(b"\n")[2] == body


def test_a_large_message_goes_to_disk_as_it_comes(home: QmailHome, writer: Process) -> None:
    body = os.urandom(1 << 20) * 12
    assert qmail_queue(home, body, b"F\0Tx@y\0\0")[0] == 0
    assert queued(home)[0][0].partition(b"\n")[2] == body


def test_q10_without_a_home_or_a_writer(home: QmailHome, tmp_path: Path) -> None:
    assert qmail_queue(home, b"x", b"F\0\0")[0] == 62
    program = [sys.executable, "-I", "-S", "-c", THIN.format(home=os.fsencode(tmp_path / "none"))]
    assert subprocess.run(program, stdin=subprocess.DEVNULL, check=False).returncode == 61


@pytest.mark.parametrize(("case", "folder", "exit_"), [("Q10 todo", "todo", 66), ("Q10 mess", "mess", 63)])
def test_q10_a_missing_folder(home: QmailHome, writer: Process, case: str, folder: str, exit_: int) -> None:
    (home.queue / folder).rename(home.queue / "elsewhere")
    assert qmail_queue(home, b"x", b"F\0\0")[0] in (exit_, 64), case
    (home.queue / "elsewhere").rename(home.queue / folder)
    assert home.files() == []
    assert qmail_queue(home, b"x", b"F\0\0")[0] == 0  # it recovers without a restart


def test_q13_nobody_listens_at_the_trigger(home: QmailHome, writer: Process) -> None:
    (home.queue / "lock/trigger").unlink()
    assert qmail_queue(home, b"x", b"F\0\0")[0] == 0


def test_q12_the_trigger_is_pulled_when_the_message_is_queued(home: QmailHome, writer: Process) -> None:
    fd = os.open(home.queue / "lock/trigger", os.O_RDONLY | os.O_NONBLOCK)
    assert qmail_queue(home, b"x", b"F\0\0")[0] == 0
    assert os.read(fd, 10) == b"\0"
    os.close(fd)


def test_a_caller_that_dies_in_the_middle_leaves_nothing(home: QmailHome, writer: Process) -> None:
    read_end, write_end = os.pipe()
    program = [sys.executable, "-I", "-S", "-c", THIN.format(home=home.home)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=read_end) as process:
        assert process.stdin is not None
        process.stdin.write(b"x" * (1 << 20))
        process.stdin.flush()
        process.send_signal(signal.SIGKILL)
    os.close(read_end)
    os.close(write_end)
    assert qmail_queue(home, b"after\n", b"F\0\0")[0] == 0  # in order: the writer has dealt with the dead one before
    assert [m.partition(b"\n")[2] for m, _ in queued(home)] == [b"after\n"]


def test_many_callers_at_once_are_all_queued(home: QmailHome, writer: Process) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(os.fsdecode(home.home + b"/" + queue_call.SOCKET))
        for i in range(1, 301):
            message = queue_call.frame(i, queue_call.MESSAGE, b"number %d\n" % i)
            sock.sendall(message + queue_call.frame(i, queue_call.ENVELOPE, b"Fa@b\0Tx%d@y\0\0" % i))
        answers: dict[int, tuple[int, int, int]] = {}
        buffer = b""
        while len(answers) < 300:
            buffer += sock.recv(65536)
            frames, used = queue_call.read_frames(buffer)
            buffer = buffer[used:]
            answers.update({stream: queue_call.read_result(payload) for stream, _, payload in frames})
    assert {a[0] for a in answers.values()} == {0}
    assert len({a[1] for a in answers.values()}) == 300
    assert len({a[2] for a in answers.values()}) == 300
    assert all(a[2] > 1 << 22 for a in answers.values())  # never a process id
    for stream, (_, messnum, qp) in answers.items():
        assert home.split("mess", messnum).read_bytes().endswith(b"number %d\n" % stream)
        assert (home.queue / "todo" / str(messnum)).read_bytes() == b"u%d\0p%d\0Fa@b\0Tx%d@y\0" % (os.getuid(), qp, stream)


def test_a_caller_that_talks_nonsense_is_dropped_and_the_others_are_served(home: QmailHome, writer: Process) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(os.fsdecode(home.home + b"/" + queue_call.SOCKET))
        sock.sendall(b"EHLO x\r\n" + b"\xff" * 100)
        assert sock.recv(100) == b""
    assert qmail_queue(home, b"x", b"F\0\0")[0] == 0


def test_it_ends_when_told_to_and_finishes_what_is_under_way(home: QmailHome, writer: Process) -> None:
    assert qmail_queue(home, b"x", b"F\0\0")[0] == 0
    assert writer.end() == 0
    assert len(queued(home)) == 1
