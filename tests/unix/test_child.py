"""Children, packets with descriptors, and the line to the queue writer: what a process that waits for many things needs."""

from __future__ import annotations

import os
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mta.errors import MailError, Temporary
from mta.formats import envelope, queue_call
from mta.unix import packets
from mta.unix.child import Children
from mta.unix.queue_line import QueueLine

Result = tuple[int, bytes]


class Loop:
    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()

    def run_while(self, is_waiting: Callable[[], object]) -> None:
        while is_waiting():
            events = self.selector.select(20)
            assert events, "nothing happens any more"
            for key, _ in events:
                key.data()


def run(body: Callable[[], int], stdin: bytes = b"", output_max: int = 100, *, is_joined: bool = True) -> Result:
    loop, results = Loop(), []
    children = Children(loop.selector, output_max)
    read, write = os.pipe()
    os.write(write, stdin)
    os.close(write)
    children.start(body, read, lambda *result: results.append(result), is_joined=is_joined)
    os.close(read)
    loop.run_while(lambda: children.running)
    assert not loop.selector.get_map()
    return results[0]


def test_exit_code_and_both_outputs_are_collected() -> None:
    def body() -> int:
        os.write(1, b"out ")
        os.write(2, b"err ")
        os.write(1, os.read(0, 100))
        return 7

    assert run(body, b"in") == (7, b"out err in")


def test_errors_may_go_elsewhere(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(lambda: os.write(2, b"to the log\n"), is_joined=False) == (11, b"")
    assert capfd.readouterr().err == "to the log\n"


def test_a_signal_is_a_negative_exit() -> None:
    assert run(lambda: os.kill(os.getpid(), 9) or 0) == (-9, b"")


def test_more_output_than_is_kept_is_read_and_forgotten() -> None:
    assert run(lambda: os.write(1, b"x" * 60_000) * 0, output_max=10) == (0, b"x" * 10)


def test_a_body_that_raises_does_not_come_back_as_a_second_parent() -> None:
    def body() -> int:
        raise RuntimeError

    assert run(body) == (111, b"")


def test_no_other_descriptor_reaches_the_child() -> None:
    kept = os.open("/dev/null", os.O_RDONLY)

    def body() -> int:
        try:
            os.fstat(kept)
        except OSError:
            return 0
        return 1

    try:
        assert run(body)[0] == 0
    finally:
        os.close(kept)


def test_a_grandchild_that_holds_the_pipe_delays_the_end() -> None:
    loop, results = Loop(), []
    children = Children(loop.selector, 100)
    hold_read, hold_write = os.pipe()

    def body() -> int:
        if os.fork() == 0:
            os.read(0, 1)
            os.write(1, b"grandchild")
            os._exit(0)
        return 3

    children.start(body, hold_read, lambda *result: results.append(result))
    os.close(hold_read)
    loop.run_while(lambda: len(loop.selector.get_map()) == 2)  # it is dead, and its pipe is not
    assert results == [] and children.running == 1
    os.write(hold_write, b"x")
    loop.run_while(lambda: children.running)
    assert results == [(3, b"grandchild")]
    os.close(hold_write)


# -- packets -----------------------------------------------------------------------------------------------------------------------


def test_a_record_and_its_descriptor_arrive_together(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"here")
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with a, b, (tmp_path / "f").open("rb") as file:
        packets.send(a, b"x" * 60_000, [file.fileno()] * 3)
        data, fds = packets.receive(b, 1 << 16, 3)
        assert (data, [os.get_inheritable(fd) for fd in fds]) == (b"x" * 60_000, [False] * 3)
        assert [os.pread(fd, 9, 0) for fd in fds] == [b"here"] * 3
        for fd in fds:
            os.close(fd)
        a.send(b"alone")
        assert packets.receive(b, 99, 3) == (b"alone", [])
        with pytest.raises(BlockingIOError):
            packets.receive(b, 99, 3)
        a.close()
        assert packets.receive(b, 99, 3) == (b"", [])


def test_sending_never_waits(tmp_path: Path) -> None:
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with a, b, pytest.raises(BlockingIOError):
        while True:
            packets.send(a, b"x" * 1000, [0])


# -- the line to the queue writer --------------------------------------------------------------------------------------------------


class Writer(threading.Thread):
    """Answers each envelope as told, or closes the connection instead (None)."""

    def __init__(self, home: Path, *exits: int | None) -> None:
        super().__init__(daemon=True)
        (home / "run").mkdir()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(bytes(home / "run/queue-writer"))
        self.listener.listen()
        self.exits = list(exits)
        self.got: list[tuple[bytes, bytes]] = []
        self.start()

    def run(self) -> None:
        while self.exits:
            sock, _ = self.listener.accept()
            with sock:
                self.serve(sock)
        self.listener.close()

    def serve(self, sock: socket.socket) -> None:
        buffer, message = b"", {}
        while self.exits and (data := sock.recv(1 << 16)):
            frames, used = queue_call.read_frames(buffer + data)
            buffer = (buffer + data)[used:]
            for stream, kind, payload in frames:
                if kind == queue_call.MESSAGE:
                    message[stream] = payload
                    continue
                self.got.append((message[stream], payload))
                exit_ = self.exits.pop(0)
                if exit_ is None:
                    return
                sock.sendall(queue_call.result(stream, exit_, 5, 1000 + stream))


LineTo = Callable[[Path], "tuple[Loop, list[Answer], QueueLine]"]
Answer = tuple[type[MailError] | None, str, int]


def send(line: QueueLine, answers: list[Answer], message: bytes, *recipients: bytes, sender: bytes = b"s@x") -> None:
    line.send([message], sender, list(recipients), lambda failure, qp: answers.append((failure and type(failure), str(failure or ""), qp)))


@pytest.fixture
def line_to() -> Iterator[LineTo]:
    lines: list[QueueLine] = []

    def make(home: Path) -> tuple[Loop, list[Answer], QueueLine]:
        loop = Loop()
        lines.append(QueueLine(os.fsencode(home), loop.selector))
        return loop, [], lines[-1]

    yield make
    for line in lines:
        line.close()


def test_many_messages_on_one_connection_with_numbers_of_their_own(tmp_path: Path, line_to: LineTo) -> None:
    writer = Writer(tmp_path, 0, 0, 53)
    loop, answers, line = line_to(tmp_path)
    for text in (b"one", b"two", b"three"):
        send(line, answers, text, b"a@b")
    assert answers == [] and line.running == 3
    loop.run_while(lambda: line.running)
    assert answers == [(None, "", 1001), (None, "", 1002), (Temporary, "qq write error or disk full (#4.3.0)", 1003)]
    assert writer.got == [(text, envelope.write(b"s@x", [b"a@b"])) for text in (b"one", b"two", b"three")]
    writer.join()


def test_a_connection_that_breaks_takes_its_messages_along_and_the_next_one_connects_again(tmp_path: Path, line_to: LineTo) -> None:
    writer = Writer(tmp_path, None, 0)
    loop, answers, line = line_to(tmp_path)
    for _ in range(2):
        send(line, answers, b"m", b"a@b")
        loop.run_while(lambda: line.running)
    assert answers == [(Temporary, "qq trouble making network connection (#4.3.0)", 0), (None, "", 1002)]
    writer.join()


def test_without_a_writer_it_is_temporary_and_with_a_bad_address_permanent(tmp_path: Path, line_to: LineTo) -> None:
    loop, answers, line = line_to(tmp_path)
    assert not line.is_open()
    send(line, answers, b"m", b"a@b")
    send(line, answers, b"m", b"a\n@b")
    assert [(kind.__name__ if kind else "", text) for kind, text, _ in answers] == [
        ("Temporary", "qq trouble making network connection (#4.3.0)"),
        ("Permanent", "address with a NUL, CR or LF (#5.1.3)"),
    ]


def test_a_message_that_cannot_be_read_is_not_queued(tmp_path: Path, line_to: LineTo) -> None:
    writer = Writer(tmp_path, 0)
    loop, answers, line = line_to(tmp_path)

    def pieces() -> object:
        yield b"some"
        raise Temporary("Unable to read message. (#4.3.0)")

    with pytest.raises(Temporary):
        line.send(pieces(), b"s@x", [b"a@b"], lambda *_: None)  # type: ignore[arg-type]
    assert line.running == 0
    send(line, answers, b"whole", b"a@b")
    loop.run_while(lambda: line.running)
    assert [message for message, _ in writer.got] == [b"whole"]
    writer.join()
