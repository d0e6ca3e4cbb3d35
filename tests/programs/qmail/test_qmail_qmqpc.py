"""qmail-qmqpc against servers that answer in all the ways there are. Conformance case N05."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mta import runner
from mta.formats import netstring
from mta.programs.qmail import qmail_qmqpc
from mta.unix.fds import Fds

MESSAGE = b"Subject: x\n\n" + bytes(range(256)) * 3000
ENVELOPE = b"Fada@x.y\0Tbo@b.c\0Tcy@d.e\0\0"


class Server:
    """Takes one request, gives one answer; None: closes without one."""

    def __init__(self, answer: bytes | None) -> None:
        self._answer = answer
        self._sock = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._sock.getsockname()[1]
        self.requests: list[bytes] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._sock.accept()
            except OSError:
                return
            with client:
                self.requests.append(self._take(client))
                if self._answer is not None:
                    client.sendall(self._answer)

    @staticmethod
    def _take(client: socket.socket) -> bytes:
        data = b""
        while True:
            data += client.recv(1 << 16)
            try:
                return netstring.read(data)[0]
            except ValueError:
                if not data:
                    return data

    def close(self) -> None:
        self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
        self._thread.join()


@contextmanager
def serving(answer: bytes | None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server(answer)
    monkeypatch.setattr(qmail_qmqpc, "PORT", server.port)
    try:
        yield server
    finally:
        server.close()


def home(path: Path, servers: str | None = "127.0.0.1\n") -> Path:
    (path / "control").mkdir(exist_ok=True)
    if servers is not None:
        (path / "control/qmqpservers").write_text(servers)
    return path


def submit(path: Path, message: bytes = MESSAGE, envelope: bytes = ENVELOPE) -> int:
    with (path / "m").open("wb+") as one, (path / "e").open("wb+") as two:
        one.write(message)
        two.write(envelope)
        one.seek(0)
        two.seek(0)
        return runner.call("qmail-qmqpc", [], {b"QMAIL_HOME": os.fsencode(path)}, Fds({0: one.fileno(), 1: two.fileno()}))


@pytest.mark.parametrize(
    ("why", "answer", "exit_"),
    [
        ("N05 K", b"23:Kok 1795218768 qp 21545,", 0),
        ("N05 Z", b"9:Znot now.,", 71),
        ("N05 D", b"6:Dnever,", 31),
        ("N05 closed", None, 74),
        ("an answer without any of the letters", b"2:no,", 74),
        ("only its first letter counts", b"K", 0),
    ],
)
def test_the_answer_is_the_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str, answer: bytes | None, exit_: int) -> None:
    with serving(answer, monkeypatch) as server:
        assert submit(home(tmp_path)) == exit_, why
    assert [netstring.read_all(one) for one in server.requests] == [[MESSAGE, b"ada@x.y", b"bo@b.c", b"cy@d.e"]]


def test_n05_nobody_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        monkeypatch.setattr(qmail_qmqpc, "PORT", sock.getsockname()[1])
    assert submit(home(tmp_path)) == 73


def test_a_server_that_does_not_answer_the_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its backlog is full: the kernel drops what else comes."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as sock:
        full = [socket.socket() for _ in range(3)]
        for one in full:
            one.setblocking(False)
            one.connect_ex(sock.getsockname())
        monkeypatch.setattr(qmail_qmqpc, "PORT", sock.getsockname()[1])
        monkeypatch.setattr(qmail_qmqpc, "CONNECT_S", 0.05)
        assert submit(home(tmp_path)) == 72
        for one in full:
            one.close()


def test_a_server_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        monkeypatch.setattr(qmail_qmqpc, "PORT", sock.getsockname()[1])
        monkeypatch.setattr(qmail_qmqpc, "TALK_S", 0.05)
        assert submit(home(tmp_path)) == 74


def test_the_next_server_is_tried_when_one_cannot_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(b"2:Ko,", monkeypatch) as server:
        assert submit(home(tmp_path, "# ours\nmail.example.org\n127.0.0.300\n127.0.0.2\n127.0.0.1\n")) == 0
    assert len(server.requests) == 1


def test_no_other_server_is_tried_once_one_was_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(None, monkeypatch) as server:
        assert submit(home(tmp_path, "127.0.0.1\n127.0.0.1\n")) == 74
    assert len(server.requests) == 1


@pytest.mark.parametrize(("why", "servers"), [("no file", None), ("nothing in it", ""), ("only a name", "mail.example.org\n")])
def test_without_a_server_it_says_so(tmp_path: Path, why: str, servers: str | None) -> None:
    assert submit(home(tmp_path, servers)) == 55, why


def test_without_a_home_or_its_control_files(tmp_path: Path) -> None:
    assert submit(tmp_path) == 55
    env = {b"QMAIL_HOME": os.fsencode(tmp_path / "nowhere")}
    assert runner.call("qmail-qmqpc", [], env, Fds()) == 61


@pytest.mark.parametrize(
    ("why", "envelope", "exit_"),
    [
        ("the empty sender, and nobody", b"F\0\0", 0),
        ("bytes behind the end are never looked at", b"Fa\0Tb\0\0Xgarbage", 0),
        ("nothing at all", b"", 91),
        ("it ended early", b"Fa\0Tb\0", 91),
        ("... in the middle of an address", b"Fa\0Tb", 91),
        ("no sender", b"\0", 91),
        ("recipients only", b"Ta\0\0", 91),
        ("another letter", b"Fa\0Xb\0\0", 91),
        ("a second sender", b"Fa\0Fb\0\0", 91),
    ],
)
def test_the_envelope(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str, envelope: bytes, exit_: int) -> None:
    with serving(b"1:K,", monkeypatch) as server:
        assert submit(home(tmp_path), b"m\n", envelope) == exit_, why
    assert len(server.requests) == (exit_ == 0), "nothing of a message without an envelope is sent"


@pytest.mark.parametrize("closed", [0, 1])
def test_a_descriptor_that_is_closed_sends_nothing(tmp_path: Path, closed: int) -> None:
    with (tmp_path / "e").open("wb+") as other:
        fds = Fds({0: other.fileno(), 1: other.fileno(), closed: 900})
        assert runner.call("qmail-qmqpc", [], {b"QMAIL_HOME": os.fsencode(home(tmp_path))}, fds) == 54
