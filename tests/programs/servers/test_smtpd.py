"""smtpd and submission as processes: what only shows over a socket. The session itself is tested in test_qmail_smtpd."""

from __future__ import annotations

import base64
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy import certificate
from mta.formats import ask as ask_format
from mta.formats import login_call, queue_call, tcprules
from tests.conftest import as_bytes, corpus
from tests.support import queue_program
from tests.support.process import Process, eventually, free_port, running
from tests.support.qmail_home import QmailHome
from tests.support.smtp_client import Dialog

MAIL, RCPT = "MAIL FROM:<ada@far.example>", "RCPT TO:<joe@host.example.org>"


class Server:
    """smtpd with a queue writer behind it."""

    def __init__(self, home: QmailHome, port: int, process: Process) -> None:
        self.home, self.port, self.process = home, port, process

    def dialog(self) -> Dialog:
        return Dialog(self.port)

    def messages(self) -> list[tuple[bytes, bytes]]:
        """(message, todo) of everything queued."""
        todo = self.home.queue / "todo"
        return [(self.home.split("mess", int(p.name)).read_bytes(), p.read_bytes()) for p in sorted(todo.iterdir())]


@pytest.fixture
def home(tmp_path: Path) -> QmailHome:
    home = QmailHome(tmp_path / "q")
    home.control(rcpthosts="host.example.org\nvirt.example", virtualdomains="virt.example:virt.example")
    certificate.make(home.path / "control/servercert.pem", "host.example.org")
    return home


@pytest.fixture
def writer(home: QmailHome) -> Iterator[Process]:
    with running(home.path, "queue-writer") as process:
        yield process


@pytest.fixture
def server(home: QmailHome, writer: Process) -> Iterator[Server]:
    port = free_port()
    with running(home.path, "smtpd", "--listen", f"127.0.0.1:{port}") as process:
        yield Server(home, port, process)


def test_a_message_is_queued_and_then_acknowledged(server: Server) -> None:
    with server.dialog() as d:
        assert d.greeting == b"220 host.example.org ESMTP\r\n"
        assert "SIZE" in d.say("EHLO me")
        assert [d.say(MAIL), d.say(RCPT), d.say("DATA")] == ["250 ok", "250 ok", "354 go ahead"]
        d.send(b"Subject: x\r\n\r\n..dot\r\n.\r\n")
        reply = d.reply()
        ((message, todo),) = server.messages()
        qp = reply.split()[-1]
        assert reply.startswith(b"250 ok ") and b"(qmail %b invoked" % qp in message
        assert b"Received: from unknown (HELO me) (127.0.0.1)\n  by host.example.org with SMTP; " in message
        assert message.endswith(b"-0000\nSubject: x\n\n.dot\n")
        assert todo.endswith(b"p%b\0Fada@far.example\0Tjoe@host.example.org\0" % qp)
        assert d.say("QUIT") == "221 host.example.org" and d.is_closed()
    server.process.wait_said("ok: 127.0.0.1: qp")


@pytest.mark.parametrize(
    ("why", "line", "reply"),
    [
        ("no number", "MAIL FROM:<ada@far.example> SIZE=-1", "501 sorry, SIZE wants a number (#5.5.4)"),
        ("a control character", "MAIL FROM:<a\x1a@far.example>", "501 sorry, that sender holds a control character (#5.1.7)"),
        ("eight bits", "MAIL FROM:<\xc3\xa9@far.example> SIZE=100", "250 ok"),
    ],
)
def test_parameters_of_mail(server: Server, why: str, line: str, reply: str) -> None:
    with server.dialog() as d:
        assert d.say(line) == reply, why
        d.say(MAIL)
        assert d.say("RCPT TO:<joe\x01@host.example.org>") == "501 sorry, that recipient holds a control character (#5.1.3)"


def test_many_commands_at_once_are_answered_each(server: Server) -> None:
    """More than one client's turn of them, with a message among them."""
    with server.dialog() as d:
        one = f"{MAIL}\r\n{RCPT}\r\n".encode()
        for before in (97, 98, 99, 100):  # so that each of its commands once ends a turn
            d.send(b"NOOP\r\n" * before + one + b"DATA\r\nx\r\n.\r\n" + b"NOOP\r\n" * 250)
            assert [d.reply().split()[0] for _ in range(before + 4)] == [b"250"] * (before + 2) + [b"354", b"250"]
            assert [d.reply() for _ in range(250)] == [b"250 ok\r\n"] * 250
    assert len(server.messages()) == 4


def test_pipelined_commands_and_messages_are_answered_in_order(server: Server) -> None:
    one = f"{MAIL}\r\n{RCPT}\r\nDATA\r\n"
    with server.dialog() as d:
        d.send(one.encode() + b"first\r\n.\r\n" + one.encode() + b"second\r\n.\r\nQUIT\r\n")
        replies = [d.reply().split()[0] for _ in range(9)]
        assert replies == [b"250", b"250", b"354", b"250"] * 2 + [b"221"]
    assert sorted(m.rpartition(b"-0000\n")[2] for m, _ in server.messages()) == [b"first\n", b"second\n"]


@pytest.mark.parametrize("before", [0, 150])
def test_a_client_that_only_listens_any_more_is_answered(server: Server, before: int) -> None:
    """As when a file is sent with nc: the end comes before the queue's answer."""
    with server.dialog() as d:
        d.send(b"NOOP\r\n" * before + f"{MAIL}\r\n{RCPT}\r\nDATA\r\nx\r\n.\r\n".encode())
        d.sock.shutdown(socket.SHUT_WR)
        assert [d.reply()[:3] for _ in range(before + 4)] == [b"250"] * (before + 2) + [b"354", b"250"]
        assert d.is_closed()
    assert len(server.messages()) == 1


def test_a_client_that_goes_away_in_data_leaves_nothing(server: Server) -> None:
    with server.dialog() as d:
        for line in (MAIL, RCPT, "DATA"):
            d.say(line)
        d.send(b"half a mess" * 100_000)
    with server.dialog() as d:
        d.say("QUIT")
    assert server.messages() == []
    assert server.home.files() == []


def test_filters_of_control_files_are_followed(server: Server) -> None:
    server.home.control(badhelo="evil", badrcptto="gone@host.example.org", signatures="TVqQAAMAA", tarpitcount="1", tarpitdelay="1")
    with server.dialog() as d:
        assert [d.say("HELO evil"), d.say(MAIL), d.say(RCPT)][2] == "553 sorry, your HELO host name has been denied (#5.7.1)"
        assert [d.say("HELO me"), d.say(MAIL)] == ["250 host.example.org", "250 ok"]
        assert d.say("RCPT TO:<gone@host.example.org>") == "553 sorry, your envelope recipient has been denied (#5.7.1)"
        d.send(f"{RCPT}\r\n{RCPT}\r\nDATA\r\n".encode())  # the second waits, and what comes behind it is not forgotten
        assert [d.reply().rstrip() for _ in range(3)] == [b"250 ok", b"250 ok", b"354 go ahead"]
        d.send(b"\r\nTVqQAAMAAAAE\r\n.\r\n")
        assert d.reply() == b"552 we don't accept email with such content (#5.3.4)\r\n"
        assert [d.say(MAIL), d.say(RCPT), d.say("DATA")] == ["250 ok", "250 ok", "354 go ahead"]
        d.send(b"\r\nTVqQ\r\n.\r\n")
        assert d.reply().startswith(b"250 ok ")
    assert len(server.messages()) == 1
    server.process.wait_said("DATA: 552_we_don't_accept")


def test_a_line_of_a_megabyte_is_stored_as_it_came(server: Server) -> None:
    line = os.urandom(1 << 19).hex().encode()
    with server.dialog() as d:
        for said in (MAIL, RCPT, "DATA"):
            d.say(said)
        d.send(line + b"\r\n.\r\n")
        assert d.reply().startswith(b"250")
    assert server.messages()[0][0].endswith(b"-0000\n" + line + b"\n")


def test_a_client_that_is_faster_than_the_queue_is_held_up_and_then_heard_again(server: Server, writer: Process) -> None:
    message = b"0123456789abcdef" * 4 * (1 << 14) + b"\r\n"
    with server.dialog() as d:
        for said in (MAIL, RCPT, "DATA"):
            d.say(said)
        os.kill(writer.pid, signal.SIGSTOP)
        try:
            d.sock.settimeout(1)
            whole, sent = message * 20 + b".\r\n", 0
            with pytest.raises(TimeoutError):
                while sent < len(whole):
                    sent += d.sock.send(whole[sent : sent + (1 << 16)])
        finally:
            os.kill(writer.pid, signal.SIGCONT)
        d.sock.settimeout(30)
        d.sock.sendall(whole[sent:])
        assert d.reply().startswith(b"250")
    ((queued, _),) = server.messages()
    assert queued.endswith(b" -0000\n" + message.replace(b"\r\n", b"\n") * 20)


def test_a_command_line_of_a_megabyte_is_refused_and_the_next_one_heard(server: Server) -> None:
    with server.dialog() as d:
        d.send(b"EHLO " + b"x" * (1 << 20) + b"\r\n")
        assert d.reply() == b"500 line too long (#5.5.2)\r\n"
        assert d.say("NOOP") == "250 ok"


def test_strangers_get_a_hundred_recipients_a_message(server: Server) -> None:
    with server.dialog() as d:
        d.say(MAIL)
        d.send(RCPT.encode() + b"\r\n" + b"RCPT TO:<x@host.example.org>\r\n" * 149)
        assert [d.reply().split()[0] for _ in range(150)] == [b"250"] * 100 + [b"452"] * 50


def test_too_many_mistakes_end_the_session(server: Server) -> None:
    with server.dialog() as d:
        replies = [d.say("WHAT") for _ in range(21)]
        assert replies == ["502 unimplemented (#5.5.1)"] * 20 + ["421 too many errors, closing (#4.7.0)"]
        assert d.is_closed()


def test_a_browser_is_not_served(server: Server) -> None:
    with server.dialog() as d:
        d.send(b"POST / HTTP/1.1\r\nHost: x\r\n\r\nMAIL FROM:<a@b>\r\n")
        assert d.reply().startswith(b"502")
        assert d.is_closed()


def test_replies_nobody_reads_hold_the_client_up_and_nobody_else(server: Server) -> None:
    with server.dialog() as rude:
        rude.sock.settimeout(1)
        sent = 0
        try:
            while sent < 100_000_000:
                sent += rude.sock.send(b"HELP\r\n" * 10_000)
        except TimeoutError:
            pass
        assert sent < 100_000_000
        with server.dialog() as polite:
            assert polite.say("NOOP") == "250 ok"
        with open(f"/proc/{server.process.pid}/status") as status:
            resident_kb = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        assert resident_kb < 100_000


def test_c69_what_came_before_the_handshake_is_forgotten(server: Server) -> None:
    with server.dialog() as d:
        d.say("EHLO me")
        d.send(b"STARTTLS\r\nMAIL FROM:<injected@x>\r\nRCPT TO:<joe@host.example.org>\r\n")
        assert d.reply() == b"220 ready for tls\r\n"
        try:
            d.start_tls()
        except OSError:  # the injected bytes spoiled the handshake: as good
            return
        assert d.say("RCPT TO:<joe@host.example.org>") == "503 MAIL first (#5.5.1)"


def test_tls_is_told_in_the_received_line(server: Server) -> None:
    with server.dialog() as d:
        assert "STARTTLS" in d.say("EHLO me")
        assert d.say("STARTTLS") == "220 ready for tls"
        d.start_tls()
        assert "STARTTLS" not in d.say("EHLO me")
        for line in (MAIL, RCPT, "DATA"):
            d.say(line)
        assert d.say("x\r\n.").startswith("250")
    assert b"by host.example.org with ESMTPS; " in server.messages()[0][0]


class FakeVmaild(threading.Thread):
    """Answers as it is told to, at run/vmaild; the first time when so many questions have come."""

    def __init__(self, home: QmailHome, answers: dict[bytes, list[bytes]], together: int = 1) -> None:
        super().__init__(daemon=True)
        self._answers = answers
        self._together = together
        self.asked: list[bytes] = []
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.bind(str(home.path / "run/vmaild"))
        self._sock.listen()

    def run(self) -> None:
        with self._sock:
            connection, _ = self._sock.accept()
        buffer = b""
        with connection:
            while data := connection.recv(4096):
                buffer += data
                while buffer and (found := ask_format.read(buffer)) is not None:
                    words, used = found
                    buffer = buffer[used:]
                    self.asked.append(words[1])
                    if len(self.asked) >= self._together:
                        waiting = self.asked if len(self.asked) == self._together else [words[1]]
                        connection.sendall(b"".join(ask_format.write(self._answers[address]) for address in waiting))


def test_virtual_recipients_are_asked_for(server: Server) -> None:
    answers = {
        b"joe@virt.example": [b"K"],
        b"gone@virt.example": [b"D", b"sorry, no mailbox here by that name (#5.1.1)"],
        b"later@virt.example": [b"Z", b"vpasswd.cdb is damaged"],
    }
    FakeVmaild(server.home, answers).start()
    with server.dialog() as d:
        d.say(MAIL)
        d.send(b"".join(b"RCPT TO:<%b>\r\n" % a for a in answers))
        assert [d.reply() for _ in answers] == [
            b"250 ok\r\n",
            b"550 sorry, no mailbox here by that name (#5.1.1)\r\n",
            b"451 sorry, unable to check that recipient now (#4.3.0)\r\n",
        ]


def test_virtual_recipients_that_came_together_are_asked_for_together(server: Server) -> None:
    recipients = [b"u%d@virt.example" % i for i in range(20)]
    vmaild = FakeVmaild(server.home, dict.fromkeys(recipients, [b"K"]), together=len(recipients))
    vmaild.start()
    with server.dialog() as d:
        d.say(MAIL)
        d.send(b"".join(b"RCPT TO:<%b>\r\n" % a for a in [*recipients, b"x@elsewhere.example", recipients[0]]) + b"DATA\r\n")
        replies = [d.reply() for _ in range(23)]
    assert replies[:20] == [b"250 ok\r\n"] * 20
    assert replies[20][:3] == b"553", "what needs no question is answered in its turn"
    assert replies[21:] == [b"250 ok\r\n", b"354 go ahead\r\n"]
    assert vmaild.asked == recipients, "nobody is asked for twice"


def test_without_vmaild_a_virtual_recipient_has_to_wait(server: Server) -> None:
    with server.dialog() as d:
        d.say(MAIL)
        assert d.say("RCPT TO:<joe@virt.example>") == "451 sorry, unable to check that recipient now (#4.3.0)"
        assert d.say(RCPT) == "250 ok"


def test_without_the_queue_writer_mail_has_to_wait_and_then_goes_on(home: QmailHome) -> None:
    port = free_port()
    with running(home.path, "smtpd", "--listen", f"127.0.0.1:{port}"), Dialog(port) as d:

        def send() -> str:
            return [d.say(line) for line in (MAIL, RCPT, "DATA", "x\r\n.")][-1]

        assert send() == "451 qq trouble making network connection (#4.3.0)"
        with running(home.path, "queue-writer"):
            eventually(lambda: send().startswith("250"), "it never found the queue writer")


def test_a_program_in_the_place_of_qmail_queue_gets_the_messages(server: Server, tmp_path: Path) -> None:
    """No restart is needed for it: bin/ is looked at again after a moment."""
    kept = queue_program.make(tmp_path / "kept")
    (server.home.path / "bin/qmail-queue").write_text(f"#!/bin/sh\nexec {os.fsdecode(kept.path)}\n")
    (server.home.path / "bin/qmail-queue").chmod(0o755)

    def send() -> None:
        with server.dialog() as d:
            assert [d.say(MAIL), d.say(RCPT), d.say("DATA")] == ["250 ok", "250 ok", "354 go ahead"]
            d.send(b"hello\r\n.\r\n")
            assert d.reply().startswith(b"250 ok ")

    eventually(lambda: (send(), bool(kept.queued()))[1], "it never found the program")
    assert [envelope for _, envelope in kept.queued()] == [b"Fada@far.example\0Tjoe@host.example.org\0\0"]
    before = server.messages()
    send()
    assert len(kept.queued()) == 2
    assert server.messages() == before


def test_a_full_disk_is_452_and_queues_nothing(home: QmailHome, tmp_path: Path) -> None:
    """A queue writer that answers as the real one does when the disk is full (tests/unix/test_queuedir fails every call)."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.fsdecode(home.home + b"/" + queue_call.SOCKET))
    listener.listen()

    def full() -> None:
        connection, _ = listener.accept()
        buffer = b""
        with connection:
            while data := connection.recv(65536):
                buffer += data
                frames, used = queue_call.read_frames(buffer)
                buffer = buffer[used:]
                for stream, kind, _ in frames:
                    if kind == queue_call.ENVELOPE:
                        connection.sendall(queue_call.result(stream, 53, 0, 0))

    threading.Thread(target=full, daemon=True).start()
    port = free_port()
    with running(home.path, "smtpd", "--listen", f"127.0.0.1:{port}"), Dialog(port) as d:
        for line in (MAIL, RCPT, "DATA"):
            d.say(line)
        assert d.say("x\r\n.") == "452 qq write error or disk full (#4.3.0)"
        assert d.say("NOOP") == "250 ok"
    listener.close()


def test_tcprules_decide_who_may_relay_and_who_is_not_wanted(home: QmailHome, writer: Process) -> None:
    rules = b'127.0.0.1:allow,RELAYCLIENT="",DATABYTES="20"\n127.0.0.9:deny\n127.:allow,MAXRCPT="1"\n'
    (home.path / "control/tcp.smtp.cdb").write_bytes(tcprules.compile_(rules))
    port = free_port()
    with running(home.path, "smtpd", "--listen", f"127.0.0.1:{port}"):
        with Dialog(port) as d:
            assert [d.say(MAIL), d.say("RCPT TO:<x@elsewhere.example>"), d.say("DATA")] == ["250 ok", "250 ok", "354 go ahead"]
            assert d.say("x" * 30 + "\r\n.").startswith("552")
        for source, expected in (("127.0.0.9", b""), ("127.0.0.8", b"220 host.example.org ESMTP\r\n")):
            with socket.create_connection(("127.0.0.1", port), 20, source_address=(source, 0)) as sock:
                assert sock.recv(100) == expected


def test_control_files_are_reread_without_a_restart(server: Server) -> None:
    with server.dialog() as d:
        d.say(MAIL)
        assert d.say("RCPT TO:<x@new.example>").startswith("553")
    server.home.control(rcpthosts="host.example.org\nnew.example")

    def is_taken() -> bool:
        with server.dialog() as d:
            return d.say(MAIL) == "250 ok" and d.say("RCPT TO:<x@new.example>") == "250 ok"

    eventually(is_taken, "the new rcpthosts never counted")


@pytest.mark.parametrize(
    ("why", "missing", "line"),
    [
        ("an open relay", "rcpthosts", "control/rcpthosts is missing, which would make this host an open relay"),
        ("a host without a name", "me", "control/me is missing"),
    ],
)
def test_it_does_not_start_as(home: QmailHome, why: str, missing: str, line: str) -> None:
    (home.path / "control" / missing).unlink()
    process = Process(home.path, "smtpd", "--listen", f"127.0.0.1:{free_port()}")
    assert process.wait() == 111, why
    assert line in process.said() and process.said().count("\n") == 1


def test_an_empty_rcpthosts_is_closed_and_says_so(home: QmailHome, writer: Process) -> None:
    home.control(rcpthosts="")
    port = free_port()
    with running(home.path, "smtpd", "--listen", f"127.0.0.1:{port}", says="listening") as process, Dialog(port) as d:
        assert "warning: control/rcpthosts is empty" in process.said()
        d.say(MAIL)
        assert d.say(RCPT).startswith("553")


def test_two_workers_share_an_address_and_end_together(home: QmailHome, writer: Process) -> None:
    port = free_port()
    with running(home.path, "smtpd", "--listen", f"127.0.0.1:{port}", "--workers", "2") as process:
        for _ in range(20):
            with Dialog(port) as d:
                assert d.say("NOOP") == "250 ok"
        assert process.end() == 0
        with pytest.raises(ConnectionRefusedError):
            Dialog(port)


def test_term_lets_a_message_under_way_finish(server: Server) -> None:
    with server.dialog() as d, server.dialog() as idle:
        for line in (MAIL, RCPT, "DATA"):
            d.say(line)
        os.kill(server.process.pid, signal.SIGTERM)
        assert idle.reply().startswith(b"421 closing for a restart")
        assert d.say("x\r\n.").startswith("250 ok")
        assert d.reply().startswith(b"421")
    assert server.process.wait() == 0
    assert len(server.messages()) == 1


@pytest.mark.parametrize("case", [*corpus("hostile/smtp-commands"), *corpus("hostile/smtp-smuggling")], ids=lambda c: c["id"])
def test_hostile_bytes_in_small_pieces_do_no_harm(server_of_module: Server, case: dict[str, Any]) -> None:
    data = as_bytes(case["bytes"])
    before = len(server_of_module.messages())
    with server_of_module.dialog() as d:
        try:
            for at in range(0, len(data), 7 if len(data) < 5000 else 4096):
                d.send(data[at : at + (7 if len(data) < 5000 else 4096)])
            d.sock.shutdown(socket.SHUT_WR)
            while d.reply():
                pass
        except OSError:  # it closed before we had said all
            pass
    with server_of_module.dialog() as d:
        assert d.say("NOOP") == "250 ok"
    limit = 2 if case["expect"].startswith("control case") else 1
    new = server_of_module.messages()[before:]
    assert len(new) <= limit
    assert all(b"elsewhere" not in todo for _, todo in new)


@pytest.fixture(scope="module")
def server_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = QmailHome(tmp_path_factory.mktemp("smtpd") / "q")
    home.control(rcpthosts="oracle.test")
    port = free_port()
    with running(home.path, "queue-writer"), running(home.path, "smtpd", "--listen", f"127.0.0.1:{port}") as process:
        yield Server(home, port, process)


# -- submission --------------------------------------------------------------------------------------------------------------------


class FakeBroker(threading.Thread):
    """joe@virt.example has the password "secret"; tells what it was asked."""

    def __init__(self, home: QmailHome) -> None:
        super().__init__(daemon=True)
        self.asked: list[login_call.Request] = []
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._sock.bind(os.fsdecode(home.home + b"/" + login_call.SOCKET))
        self._sock.listen()

    def run(self) -> None:
        while True:
            connection, _ = self._sock.accept()
            with connection:
                request = login_call.read_request(connection.recv(2048))
                self.asked.append(request)
                if (request.name, request.password) == (b"joe@virt.example", b"secret"):
                    connection.send(login_call.write_login(login_call.Login(b"joe@virt.example", b"/x", b"", 0, 1, 1)))
                else:
                    connection.send(b"D\0authorization failed")


@pytest.fixture
def submission(home: QmailHome, writer: Process) -> Iterator[Server]:
    port = free_port()
    with running(home.path, "submission", "--listen", f"127.0.0.1:{port}") as process:
        yield Server(home, port, process)


def plain(user: str, password: str) -> str:
    return "AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()).decode()


def test_submission_wants_a_login_first_and_then_relays(submission: Server) -> None:
    broker = FakeBroker(submission.home)
    broker.start()
    with submission.dialog() as d:
        assert "AUTH LOGIN PLAIN" in d.say("EHLO me")
        assert d.say(MAIL) == "530 Authorization required (#5.7.1)"
        assert d.say(plain("joe@virt.example", "wrong")) == "535 authentication failed (#5.7.1)"
        assert d.say(plain("joe@virt.example", "secret")) == "235 ok, go ahead (#2.0.0)"
        assert d.say(plain("joe@virt.example", "secret")) == "503 you're already authenticated (#5.5.0)"
        assert [d.say(MAIL), d.say("RCPT TO:<x@elsewhere.example>"), d.say("DATA")] == ["250 ok", "250 ok", "354 go ahead"]
        assert d.say("x\r\n.").startswith("250")
    assert (
        b"Received: from unknown (HELO me) (joe@virt.example@127.0.0.1)\n  by host.example.org with ESMTPA; " in submission.messages()[0][0]
    )
    assert {(r.service, r.ip) for r in broker.asked} == {(b"smtp", b"127.0.0.1")}
    assert "secret" not in submission.process.said()


def test_auth_login_asks_for_name_and_password(submission: Server) -> None:
    FakeBroker(submission.home).start()
    with submission.dialog() as d:
        d.say("EHLO me")
        assert d.say("AUTH LOGIN") == "334 VXNlcm5hbWU6"
        assert d.say(base64.b64encode(b"joe@virt.example").decode()) == "334 UGFzc3dvcmQ6"
        assert d.say(base64.b64encode(b"secret").decode()) == "235 ok, go ahead (#2.0.0)"


@pytest.mark.parametrize(
    ("why", "lines", "reply"),
    [
        ("another kind", ["AUTH CRAM-MD5"], "504 auth type unimplemented (#5.5.1)"),
        ("not base64", ["AUTH PLAIN !!!"], "501 malformed auth input (#5.5.4)"),
        ("changed its mind", ["AUTH LOGIN", "*"], "501 auth exchange canceled (#5.0.0)"),
        ("no password", [plain("joe", "")], "501 malformed auth input (#5.5.4)"),
        ("the broker is away", [plain("joe", "x")], "454 oops, unable to check that now (#4.3.0)"),
    ],
)
def test_auth_refusals(submission: Server, why: str, lines: list[str], reply: str) -> None:
    with submission.dialog() as d:
        d.say("EHLO me")
        assert [d.say(line) for line in lines][-1] == reply, why
        assert d.say(MAIL).startswith("530")


def test_port_25_knows_no_auth(server: Server) -> None:
    with server.dialog() as d:
        assert "AUTH" not in d.say("EHLO me")
        assert d.say(plain("a", "b")) == "503 auth not available (#5.3.3)"
