"""serialsmtp and serialqmtp, against servers that say what they are told."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mta import runner
from mta.formats import netstring
from mta.unix.fds import Fds
from tests.support import queue_program
from tests.support.call import Result, call, command
from tests.support.smtp_sink import CLOSE, SmtpSink

ENV = {b"TCPREMOTEIP": b"1.2.3.4"}
OK = b"250 ok\r\n"


@pytest.fixture
def maildir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with messages a, b and c, and one of somebody else's."""
    (tmp_path / "new").mkdir()
    for name, sender, recipient, text in (
        ("a", "ada@x.y", "pre-bo@virt.dom", "one\n.two\n"),
        ("b", "", "pre-cy di@virt.dom", "three"),
        ("c", "ed ef@x.y", "pre-fy@virt.dom", "a\r\nb\rc\n"),
        ("other", "ada@x.y", "somebody@virt.dom", "x\n"),
    ):
        (tmp_path / "new" / name).write_bytes(f"Return-Path: <{sender}>\nDelivered-To: {recipient}\n{text}".encode())
    (tmp_path / "new/strange").write_bytes(b"To: bo\n\nhello\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


NAMES = b"new/a\0new/other\0new/strange\0new/b\0new/c\0"


def run(sock: socket.socket, name: str, *argv: bytes, names: bytes = NAMES, env: dict[bytes, bytes] | None = None) -> Result:
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        stdin.write(names)
        stdin.seek(0)
        fds = Fds({0: stdin.fileno(), 1: out.fileno(), 2: err.fileno(), 6: sock.fileno(), 7: sock.fileno()})
        code = runner.call(name, list(argv), ENV if env is None else env, fds)
        out.seek(0)
        err.seek(0)
        return Result(code, out.read(), err.read())


# ---- serialsmtp ----


def smtp(sink: SmtpSink, names: bytes = NAMES, env: dict[bytes, bytes] | None = None) -> Result:
    with socket.create_connection((sink.ip, sink.port)) as sock:
        return run(sock, "serialsmtp", b"pre-", b"me.x", names=names, env=env)


TAKEN = (
    b"new/a\0K1.2.3.4 to: bo@virt.dom said: 250 ok\n"
    b'new/b\0K1.2.3.4 to: "cy di"@virt.dom said: 250 ok\n'
    b"new/c\0K1.2.3.4 to: fy@virt.dom said: 250 ok\n"
)
TRANSACTIONS = [
    [b"MAIL FROM:<ada@x.y>", b"RCPT TO:<bo@virt.dom>", b"DATA"],
    [b"MAIL FROM:<>", b'RCPT TO:<"cy di"@virt.dom>', b"DATA"],
    [b'MAIL FROM:<"ed ef"@x.y>', b"RCPT TO:<fy@virt.dom>", b"DATA"],
]


@pytest.mark.parametrize("offers", [[], [b"PIPELINING"], [b"8BITMIME", b"pipelining"]])
def test_messages_go_one_after_the_other(maildir: Path, offers: list[bytes]) -> None:
    with SmtpSink(offers=offers, replies={".": OK}) as sink:
        assert smtp(sink) == Result(0, TAKEN, b"")
        sink.wait(messages=3)
    one, two, three = TRANSACTIONS
    assert sink.connections[0].commands == [b"EHLO me.x", *one, b"RSET", *two, b"RSET", *three, b"QUIT"]
    assert [m.data for m in sink.messages] == [b"one\r\n..two\r\n.\r\n", b"three\r\n.\r\n", b"a\r\nb\r\nc\r\n.\r\n"]


def test_a_server_that_knows_no_ehlo(maildir: Path) -> None:
    with SmtpSink(replies={"EHLO": b"502 what?\r\n", ".": OK}) as sink:
        assert smtp(sink, b"new/a\0").code == 0
    assert sink.connections[0].commands[:2] == [b"EHLO me.x", b"HELO me.x"]


def test_without_an_address_of_the_server_only_its_words_are_told(maildir: Path) -> None:
    with SmtpSink(replies={".": b"250-long\r\n250 story\r\n"}) as sink:
        assert smtp(sink, b"new/a\0", env={}) == Result(0, b"new/a\0K250 story\n", b"")


@pytest.mark.parametrize("offers", [[], [b"PIPELINING"]])
@pytest.mark.parametrize(
    ("why", "replies", "answers"),
    [
        ("a sender", {"MAIL": [b"451 no\r\n", OK], "RCPT": [b"503 no\r\n", OK], "DATA": [b"503 no\r\n", b"354 go\r\n"]}, b"Z451 no"),
        ("a recipient", {"RCPT": [b"550 no\r\n", OK], "DATA": [b"503 no\r\n", b"354 go\r\n"]}, b"D550 no"),
        ("the message, before it is sent", {"DATA": [b"452 no\r\n", b"354 go\r\n"]}, b"Z452 no"),
        ("the message", {".": [b"554-well\r\n554 no\x07\r\n", OK]}, b"D554 no?"),
    ],
)
def test_what_is_refused_is_told_and_the_next_is_sent(
    maildir: Path, why: str, replies: dict[str, list[bytes]], answers: bytes, offers: list[bytes]
) -> None:
    if not offers and why != "the message":  # what hangs on a refused command is not asked then
        replies = {verb: list_ if list_[0][:3] in (b"451", b"550", b"452") else [list_[-1]] for verb, list_ in replies.items()}
    with SmtpSink(offers=offers, replies={".": OK, **replies}) as sink:
        result = smtp(sink, b"new/a\0new/c\0", env={})
    assert result == Result(0, b"new/a\0%b\nnew/c\0K250 ok\n" % answers, b""), why


@pytest.mark.parametrize(
    ("why", "options", "out", "complaint"),
    [
        ("the greeting", {"replies": {"greeting": b"554 go away\r\n"}}, b"", b"connected but greeting failed"),
        ("the name", {"replies": {"EHLO": b"550 no\r\n", "HELO": b"550 no\r\n"}}, b"", b"connected but my name was rejected"),
        ("no SMTP", {"replies": {"greeting": b"hello\r\n"}}, b"", b"protocol violation"),
        ("RSET", {"replies": {"RSET": b"500 what?\r\n", ".": OK}}, b"new/a\0K250 ok\n", b"protocol violation"),
        ("gone", {"replies": {"MAIL": [OK, CLOSE], ".": OK}}, b"new/a\0K250 ok\n", b"network read error: end of file"),
        (
            "a recipient of nobody",
            {"offers": [b"PIPELINING"], "replies": {"MAIL": b"550 no\r\n", "DATA": b"503 no\r\n"}},
            b"new/a\0D550 no\n",
            b"protocol violation",
        ),
    ],
)  # fmt: skip
def test_a_connection_of_no_use_ends_it(maildir: Path, why: str, options: dict[str, object], out: bytes, complaint: bytes) -> None:
    with SmtpSink(**options) as sink:  # type: ignore[arg-type]
        assert smtp(sink, b"new/a\0new/c\0", env={}) == Result(111, out, b"serialsmtp: fatal: %b\n" % complaint), why


def test_an_address_that_no_command_can_carry_is_refused_here(maildir: Path) -> None:
    (maildir / "new/a").write_bytes(b"Return-Path: <a\rRSET@x>\nDelivered-To: pre-bo\n\n")
    with SmtpSink(replies={".": OK}) as sink:
        result = smtp(sink, b"new/a\0new/c\0", env={})
    assert result.out == b"new/a\0Dthe envelope holds a byte that no SMTP command can carry (#5.1.3)\nnew/c\0K250 ok\n"
    assert [m.recipients for m in sink.messages] == [[b"<fy@virt.dom>"]]


# ---- serialqmtp ----


@dataclass
class Peer:
    """The other end of a QMTP connection."""

    sock: socket.socket
    said: bytes = b""

    def until(self, is_enough: Callable[[bytes], bool]) -> None:
        while not is_enough(self.said):
            data = self.sock.recv(1 << 16)
            if not data:
                return
            self.said += data


@contextlib.contextmanager
def peer(play: Callable[[Peer], None]) -> Iterator[tuple[socket.socket, Peer]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        found = Peer(theirs)
        thread = threading.Thread(target=play, args=(found,))
        thread.start()
        yield ours, found
        ours.shutdown(socket.SHUT_WR)
        thread.join(20)
        assert not thread.is_alive()


MESSAGES = (
    b"10:\none\n.two\n,7:ada@x.y,",
    b"6:\nthree,0:,",
    b"8:\na\r\nb\rc\n,9:ed ef@x.y,",
)
RECIPIENTS = (b"bo@virt.dom", b"cy di@virt.dom", b"fy@virt.dom")
ALL = b"".join(m + netstring.write(netstring.write(r)) for m, r in zip(MESSAGES, RECIPIENTS, strict=True))


def test_all_messages_go_out_and_answers_come_in_order(maildir: Path) -> None:
    def play(other: Peer) -> None:
        other.until(lambda said: len(said) >= len(ALL))
        other.sock.sendall(b"".join(map(netstring.write, (b"Kok", b"Znot now\n", b"Dnever"))))

    with peer(play) as (sock, other):
        result = run(sock, "serialqmtp", b"pre-")
    assert other.said == ALL
    expected = b"new/a\0K1.2.3.4 said: ok\nnew/b\0Z1.2.3.4 said: not now?\nnew/c\0D1.2.3.4 said: never\n"
    assert result == Result(0, expected, b"")


def test_a_server_that_answers_before_it_reads_on_is_not_waited_for(maildir: Path) -> None:
    """Each side would wait for the other if answers were only read at the end."""
    names = []
    for i in range(300):
        (maildir / f"new/{i}").write_bytes(b"Return-Path: <>\nDelivered-To: pre-bo\n" + b"x" * 5000)
        names.append(b"new/%d" % i)

    def play(other: Peer) -> None:
        for _ in names:
            other.until(lambda said: b",0:,5:2:bo,," in said)
            _, _, other.said = other.said.partition(b",0:,5:2:bo,,")
            other.sock.sendall(netstring.write(b"K" + b"y" * 3000))

    with peer(play) as (sock, _):
        result = run(sock, "serialqmtp", b"pre-", names=b"\0".join(names) + b"\0", env={})
    assert (result.code, result.out.count(b"\n"), result.err) == (0, 300, b"")


@pytest.mark.parametrize(
    ("why", "answer", "complaint"),
    [
        ("gone", b"", b"network read error: end of file"),
        ("half an answer", b"3:Ko", b"network read error: end of file"),
        ("no answer", b"hello", b"remote protocol violation"),
        ("too many", b"1:K,1:K,", b"remote protocol violation"),
    ],
)
def test_a_server_that_is_none(maildir: Path, why: str, answer: bytes, complaint: bytes) -> None:
    def play(other: Peer) -> None:
        other.until(lambda said: said.endswith(b",,"))
        other.sock.sendall(answer)
        other.sock.shutdown(socket.SHUT_WR)

    with peer(play) as (sock, _):
        result = run(sock, "serialqmtp", b"pre-", names=b"new/a\0", env={})
    assert (result.code, result.err) == (111, b"serialqmtp: fatal: %b\n" % complaint), why


def test_it_talks_to_our_own_server(maildir: Path) -> None:
    queue = queue_program.make(maildir / "kept")
    (maildir / "control").mkdir()
    (maildir / "control/rcpthosts").write_bytes(b"virt.dom\n")
    env = {b"QMAIL_HOME": os.fsencode(maildir), b"QMAILQUEUE": queue.path}
    ours, theirs = socket.socketpair()
    with ours, theirs:
        server = subprocess.Popen(command("qmail-qmtpd", env[b"QMAIL_HOME"]), stdin=theirs, stdout=theirs, env=env)
        theirs.close()
        result = run(ours, "serialqmtp", b"pre-", names=b"new/a\0new/b\0", env={})
    assert (result.code, result.out.count(b"Kok "), result.err) == (0, 2, b"")
    server.wait(20)
    assert [envelope for _, envelope in queue.queued()] == [b"Fada@x.y\0Tbo@virt.dom\0\0", b"F\0Tcy di@virt.dom\0\0"]
    assert queue.queued()[0][0].endswith(b"\none\n.two\n")


# ---- both ----


def test_nothing_to_send(maildir: Path) -> None:
    with SmtpSink() as sink:
        assert smtp(sink, b"new/other\0new/strange\0") == Result(0, b"", b"")
    assert sink.messages == []
    with peer(lambda _: None) as (sock, other):
        assert run(sock, "serialqmtp", b"pre-", names=b"new/other\0") == Result(0, b"", b"")
    assert other.said == b""


@pytest.mark.parametrize(
    ("why", "name", "words"),
    [
        ("missing", b"new/gone", b"file does not exist"),
        ("a link", b"new/link", b"symbolic link loop"),
        ("a FIFO", b"new/fifo", b"access denied"),
        ("a folder", b"new", b"access denied"),
    ],
)
def test_a_message_that_cannot_be_opened_ends_it(maildir: Path, why: str, name: bytes, words: bytes) -> None:
    (maildir / "new/link").symlink_to("a")
    os.mkfifo(maildir / "new/fifo")
    with SmtpSink() as sink:
        assert smtp(sink, name + b"\0") == Result(111, b"", b"serialsmtp: fatal: unable to open %b: %b\n" % (name, words)), why
    with peer(lambda _: None) as (sock, _):
        result = run(sock, "serialqmtp", b"pre-", names=name + b"\0")
    assert result == Result(111, b"", b"serialqmtp: fatal: unable to open %b: %b\n" % (name, words)), why


def test_descriptors_that_are_closed() -> None:
    fds = {6: 9999, 7: 9999}
    for name, argv in (("serialsmtp", [b"p", b"h"]), ("serialqmtp", [b"p"])):
        with tempfile.TemporaryFile() as err:
            assert runner.call(name, argv, {}, Fds({**fds, 0: 9998, 1: 9998, 2: err.fileno()})) == 111
            err.seek(0)
            assert err.read().startswith(name.encode() + b": fatal: ")


@pytest.mark.parametrize(
    ("name", "argv", "usage"),
    [
        ("serialsmtp", [], b"serialsmtp prefix helohost"),
        ("serialsmtp", [b"pre-"], b"serialsmtp prefix helohost"),
        ("serialqmtp", [], b"serialqmtp prefix"),
    ],
)
def test_wrong_arguments(name: str, argv: list[bytes], usage: bytes) -> None:
    assert call(name, argv, {}) == Result(100, b"", b"%b: usage: %b\n" % (name.encode(), usage))
