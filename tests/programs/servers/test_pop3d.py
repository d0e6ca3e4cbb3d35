"""pop3d and the login broker as real processes, with real clients."""

from __future__ import annotations

import os
import poplib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mta.errors import Permanent
from mta.formats import tcprules
from mta.programs.servers import pop3d
from tests.conftest import ROOT, as_bytes, corpus
from tests.support import certificate, dialog, unprivileged
from tests.support.mail_site import PASSWORD, Server, Site

TEXT = b"Subject: 1\n\nline1\n.dot\nlast\n"
SENT = [b"Subject: 1", b"", b"line1", b".dot", b"last"]
FAILED = b"-ERR [AUTH] authorization failed\r\n"


@dataclass
class Pop:
    site: Site
    server: Server
    port: int
    tls_port: int

    def mailbox(self, user: str, count: int = 2) -> Path:
        """A fresh mailbox with so many messages."""
        if not (self.site.home / "domains/example.org" / user).exists():
            self.site.mailbox(f"{user}@example.org")
        directory = self.site.home / "domains/example.org" / user
        for name in ("new", "cur"):
            for path in (directory / "Maildir" / name).iterdir():
                path.unlink()
        for n in range(count):
            self.site.put(directory, f"new/{n + 1}.h", TEXT, 1_000_000 + n)
        return directory

    def connect(self) -> Client:
        return Client(socket.create_connection(("127.0.0.1", self.port), timeout=20))


class Client:
    """A client that says exactly what it is told."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.reader = sock.makefile("rb")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.close()
        self.sock.close()

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)

    def line(self) -> bytes:
        return self.reader.readline()

    def ask(self, command: bytes) -> bytes:
        self.say(command + b"\r\n")
        return self.line()

    def rest(self) -> bytes:
        """Everything until the server closes."""
        try:
            return self.reader.read()
        except ConnectionError:  # it closed while we were still talking
            return b""

    def over_tls(self, context: ssl.SSLContext) -> Client:
        self.reader.close()
        return Client(context.wrap_socket(self.sock, server_hostname="localhost"))


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with unprivileged.folder() as home:
        site = Site(home)
        site.domain("example.org")
        unprivileged.give(certificate.make(home / "control/servercert.pem"))
        yield site


@pytest.fixture(scope="module", params=[True, False], ids=["uvloop", "asyncio"])
def pop(site: Site, request: pytest.FixtureRequest) -> Iterator[Pop]:
    listening = ("--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0")
    with site.running("login-broker"), site.running("pop3d", *listening, has_libraries=request.param) as server:
        yield Pop(site, server, *ports(server))


def ports(server: Server) -> list[int]:
    line = server.wait_for(b"status: listening on ")
    return [int(p) for p in re.findall(rb":(\d+)", line)]


@pytest.fixture(scope="module")
def trusting(site: Site) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(site.home / "control/servercert.pem"))


def test_it_says_where_it_listens(pop: Pop) -> None:
    assert pop.server.log[0] == b"pop3d: status: listening on 127.0.0.1:%d, 127.0.0.1:%d tls\n" % (pop.port, pop.tls_port)


def sessions(pop: Pop, trusting: ssl.SSLContext, how: str) -> poplib.POP3:
    if how == "pop3s":
        return poplib.POP3_SSL("localhost", pop.tls_port, context=trusting, timeout=20)
    client = poplib.POP3("localhost", pop.port, timeout=20)
    if how == "stls":
        client.stls(trusting)
    return client


@pytest.mark.parametrize("how", ["plain", "stls", "pop3s"])
def test_a_whole_session_with_poplib(pop: Pop, trusting: ssl.SSLContext, how: str) -> None:
    directory = pop.mailbox("joe")
    client = sessions(pop, trusting, how)
    assert client.getwelcome() == b"+OK mail.example.org ready"  # "<...@...>" would offer APOP
    assert ("STLS" in client.capa()) == (how == "plain")
    client.user("joe@example.org")
    client.pass_(PASSWORD.decode())
    size = len(TEXT) + TEXT.count(b"\n")
    assert client.stat() == (2, 2 * size)
    assert client.list()[1] == [b"1 %d" % size, b"2 %d" % size]
    assert client.uidl()[1] == [b"1 1.h", b"2 2.h"]
    assert client.retr(1)[1] == SENT
    assert client.top(2, 1)[1] == SENT[:3]
    client.dele(1)
    assert client.stat() == (1, size)
    assert sorted(os.listdir(directory / "Maildir/new")) == ["1.h", "2.h"], "nothing is deleted before QUIT"
    client.quit()
    assert (os.listdir(directory / "Maildir/new"), os.listdir(directory / "Maildir/cur")) == ([], ["2.h:2,"])
    assert (directory / "lastauth").read_bytes() == b"127.0.0.1"


@pytest.mark.parametrize("how", ["plain", "stls", "pop3s"])
def test_a_client_that_breaks_off_deletes_nothing(pop: Pop, trusting: ssl.SSLContext, how: str) -> None:
    directory = pop.mailbox("ann")
    client = sessions(pop, trusting, how)
    client.user("ann@example.org")
    client.pass_(PASSWORD.decode())
    client.dele(1)
    client.close()
    again = sessions(pop, trusting, how)
    again.user("ann@example.org")
    again.pass_(PASSWORD.decode())
    assert again.stat()[0] == 2
    again.quit()
    assert len(os.listdir(directory / "Maildir/cur")) == 2


@pytest.mark.parametrize("how", ["pop3", "pop3 with STLS", "pop3s"])
def test_curl_reads_mail(pop: Pop, how: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not on this machine")
    pop.mailbox("joe")
    scheme, port = ("pop3s", pop.tls_port) if how == "pop3s" else ("pop3", pop.port)
    trust = ["--cacert", str(pop.site.home / "control/servercert.pem"), *(["--ssl-reqd"] if "STLS" in how else [])]
    login = "joe@example.org:" + PASSWORD.decode()
    ran = subprocess.run(
        ["curl", "-sS", "--max-time", "20", *trust, "-u", login, f"{scheme}://localhost:{port}/1"], capture_output=True, check=True
    )
    assert ran.stdout == TEXT.replace(b"\n", b"\r\n")


@pytest.mark.parametrize("filler", [0, 300, 50_000])
@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
def test_nothing_a_client_says_ahead_is_lost(pop: Pop, trusting: ssl.SSLContext, filler: int, is_tls: bool) -> None:
    """Everything in one packet, the password too; the filler makes it more than one read."""
    pop.mailbox("joe")
    noops = filler // len(b"NOOP\r\n")
    with pop.connect() as plain:
        client = plain
        client.line()
        if is_tls:
            assert client.ask(b"STLS").startswith(b"+OK")
            client = client.over_tls(trusting)
        client.say(b"USER joe@example.org\r\nPASS " + PASSWORD + b"\r\n" + b"NOOP\r\n" * noops + b"STAT\r\nRETR 2\r\nQUIT\r\n")
        expected = (
            b"+OK \r\n" * (2 + noops) + b"+OK 2 66\r\n+OK \r\n" + TEXT.replace(b"\n", b"\r\n").replace(b"\n.", b"\n..") + b".\r\n+OK \r\n"
        )
        assert client.rest() == expected
        if is_tls:
            client.sock.close()


@pytest.mark.parametrize("script", dialog.all_of("pop3"), ids=lambda d: d.name)
def test_it_speaks_as_written(pop: Pop, script: dialog.Dialog) -> None:
    directory = pop.mailbox("bo", 0)
    for n, (name, text) in enumerate(script.messages):
        pop.site.put(directory, f"new/{name.decode()}", text, 1_000_000 + n)
    with pop.connect() as client:
        client.say(b"USER bo@example.org\r\nPASS " + PASSWORD + b"\r\n")
        heard = [client.line() for _ in range(3)]

        def ask(said: bytes, lines: int) -> bytes:
            client.say(said + b"\r\n")
            return b"".join(client.line() for _ in range(lines))

        dialog.run(script, heard[2], ask)
        assert client.rest() == b""
    assert sorted(os.listdir(directory / "Maildir/cur")) == [name.decode() + ":2," for name in script.left or []]


def test_injected_commands_do_not_survive_stls(pop: Pop, trusting: ssl.SSLContext) -> None:
    pop.mailbox("joe")
    with pop.connect() as plain:
        plain.line()
        plain.say(b"STLS\r\nUSER joe@example.org\r\nPASS " + PASSWORD + b"\r\nDELE 1\r\n")
        assert plain.line() == b"+OK begin TLS\r\n"
        with plain.over_tls(trusting) as client:
            assert client.ask(b"PASS " + PASSWORD) == b"-ERR USER first\r\n"
            assert client.ask(b"QUIT") == b"+OK \r\n"
            assert client.rest() == b""


def test_a_name_given_before_stls_is_forgotten(pop: Pop, trusting: ssl.SSLContext) -> None:
    with pop.connect() as plain:
        plain.line()
        assert plain.ask(b"USER joe@example.org") == b"+OK \r\n"
        assert plain.ask(b"STLS").startswith(b"+OK")
        with plain.over_tls(trusting) as client:
            assert client.ask(b"PASS " + PASSWORD) == b"-ERR USER first\r\n"


@pytest.mark.parametrize(
    ("why", "name", "password"),
    [
        ("wrong password", b"joe@example.org", b"wrong"),
        ("unknown user", b"nobody@example.org", PASSWORD),
        ("unknown domain", b"joe@example.com", PASSWORD),
        ("no name of anybody", b"../ann", b"x"),
        ("as long as a line may be", b"x" * 249, b"y" * 249),
    ],
)
def test_strangers_hear_one_reply_and_may_try_again(pop: Pop, why: str, name: bytes, password: bytes) -> None:
    pop.mailbox("joe")
    with pop.connect() as client:
        client.line()
        assert client.ask(b"USER " + name) == b"+OK \r\n"
        assert client.ask(b"PASS " + password) == FAILED
        assert client.ask(b"PASS " + PASSWORD) == b"-ERR USER first\r\n"
        assert client.ask(b"USER joe@example.org") == b"+OK \r\n"
        assert client.ask(b"PASS " + PASSWORD) == b"+OK \r\n"
        assert client.ask(b"STAT").startswith(b"+OK 2 ")
        assert client.ask(b"QUIT") == b"+OK \r\n"


def test_commands_behind_a_wrong_password_are_heard(pop: Pop) -> None:
    pop.mailbox("joe")
    with pop.connect() as client:
        client.line()
        client.say(b"USER joe@example.org\r\nPASS wrong\r\nUSER joe@example.org\r\nPASS " + PASSWORD + b"\r\nSTAT\r\nQUIT\r\n")
        assert client.rest() == b"+OK \r\n" + FAILED + b"+OK \r\n+OK \r\n+OK 2 66\r\n+OK \r\n"


def test_the_third_wrong_password_is_the_last(pop: Pop) -> None:
    pop.mailbox("cy")
    with pop.connect() as client:
        client.line()
        client.say(b"USER cy@example.org\r\nPASS x\r\n" * 4)
        assert client.rest() == (b"+OK \r\n" + FAILED) * 3


@pytest.mark.parametrize("case", [c for c in corpus("hostile/imap-pop-qmtp") if c["proto"] == "pop3"], ids=lambda c: c["id"])
def test_hostile_clients_get_an_error_or_are_closed(pop: Pop, case: dict[str, Any]) -> None:
    with pop.connect() as client:
        greeting = client.line()
        assert greeting.startswith(b"+OK ")
        try:
            client.say(as_bytes(case["bytes"]) + b"\r\nQUIT\r\n")
            client.sock.shutdown(socket.SHUT_WR)
        except OSError:  # it has closed
            pass
        said = client.rest().split(b"\r\n")
        commands = [line[:4].upper() for line in as_bytes(case["bytes"]).split(b"\r\n") if line]
        allowed = {b"+OK ", b"+OK begin TLS"} if {b"USER", b"STLS"} & set(commands) else {b"+OK "}  # USER, STLS, and QUIT at the end
        assert all(line in allowed or line.startswith(b"-ERR") or not line for line in said)
        assert b"PASS" not in commands or not any(b"messages" in line for line in said)
    with pop.connect() as client:
        assert client.line() == greeting, "the server goes on"


def test_a_line_of_a_megabyte_is_answered_once(pop: Pop) -> None:
    with pop.connect() as client:
        client.line()
        client.say(b"USER " + b"a" * 1_000_000 + b"\r\n")
        assert client.line() == b"-ERR line too long\r\n"
        assert client.ask(b"NOOP") == b"+OK \r\n"


@pytest.mark.parametrize("how", ["plain", "pop3s"])
def test_a_big_message_comes_whole_though_the_client_is_slow(pop: Pop, trusting: ssl.SSLContext, how: str) -> None:
    """It does not fit into the buffers on its way, so each part of the way has to wait for the next."""
    directory = pop.mailbox("big", 0)
    text = b"Subject: big\n\n" + b"".join(b"%07d %b\n" % (n, b"." * 90) for n in range(80_000))
    pop.site.put(directory, "new/1.h", text)
    client = sessions(pop, trusting, how)
    client.user("big@example.org")
    client.pass_(PASSWORD.decode())
    client._putcmd("RETR 1")  # type: ignore[attr-defined]
    client._putcmd("NOOP")  # type: ignore[attr-defined]
    assert client._getlongresp()[1] == text.split(b"\n")[:-1]  # type: ignore[attr-defined]
    assert client._getresp() == b"+OK "  # type: ignore[attr-defined]
    client.quit()


def test_many_clients_at_once(pop: Pop) -> None:
    pop.mailbox("joe")
    clients = [pop.connect() for _ in range(19)]
    for client in clients:
        client.say(b"USER joe@example.org\r\nPASS " + PASSWORD + b"\r\nSTAT\r\n")
    for client in clients:
        assert [client.line() for _ in range(4)][2:] == [b"+OK \r\n", b"+OK 2 66\r\n"]
    for client in clients:
        with client:
            assert client.ask(b"QUIT") == b"+OK \r\n"


def rules(pop: Pop, text: bytes | None) -> None:
    path = pop.site.home / "control/tcp.pop3.cdb"
    if text is None:
        path.unlink()
    else:
        (pop.site.home / "control/new").write_bytes(tcprules.compile_(text))
        unprivileged.give(pop.site.home / "control/new")
        os.rename(pop.site.home / "control/new", path)


def settled(pop: Pop, wanted: bytes) -> Client:
    """A connection whose first line is as wanted, once the server has seen the new control files (it looks every tenth of a second)."""
    for _ in range(100_000):
        client = pop.connect()
        first = client.line()
        if first.startswith(wanted) if wanted else not first:
            return client
        client.__exit__()
    raise AssertionError(f"never answered {wanted!r}")


def test_rules_decide_who_may_connect_and_how(pop: Pop, trusting: ssl.SSLContext) -> None:
    pop.mailbox("joe")
    rules(pop, b"127.:deny\n")
    with settled(pop, b"") as client:
        assert client.rest() == b""
    pop.server.wait_for(b"deny: 127.0.0.1: denied by the rules")
    rules(pop, b'127.:allow,REQUIRETLS=""\n')
    with settled(pop, b"+OK") as plain:
        assert plain.ask(b"USER joe@example.org").startswith(b"-ERR STLS first")
        assert plain.ask(b"STLS").startswith(b"+OK")
        with plain.over_tls(trusting) as client:
            client.say(b"USER joe@example.org\r\nPASS " + PASSWORD + b"\r\nQUIT\r\n")
            assert client.rest() == b"+OK \r\n" * 3
    rules(pop, None)
    with settled(pop, b"+OK") as client:
        assert client.ask(b"USER joe@example.org") in (b"+OK \r\n", b"-ERR STLS first: passwords are not taken in clear\r\n")


def test_the_server_is_full_when_control_says_so(pop: Pop) -> None:
    pop.site.control(concurrencypop3="0")
    with settled(pop, b"-ERR [SYS/TEMP]") as client:
        assert client.rest() == b""
    (pop.site.home / "control/concurrencypop3").unlink()
    with settled(pop, b"+OK") as client:
        assert client.ask(b"QUIT") == b"+OK \r\n"


def test_a_handshake_that_is_none_is_logged_and_costs_nobody_else(pop: Pop) -> None:
    with Client(socket.create_connection(("127.0.0.1", pop.tls_port), timeout=20)) as client:
        client.say(b"GET / HTTP/1.0\r\n\r\n")
        client.rest()
    pop.server.wait_for(b"deny: 127.0.0.1: TLS: http request")


def test_without_its_broker_it_says_come_back_later(site: Site) -> None:
    with unprivileged.folder() as home:
        other = Site(home)
        with other.running("pop3d", "--listen", "127.0.0.1:0") as server:
            assert server.log[0].startswith(b"pop3d: warning: no STLS: unable to read ")
            with Client(socket.create_connection(("127.0.0.1", ports(server)[0]), timeout=20)) as client:
                assert client.line().startswith(b"+OK")
                assert client.ask(b"USER joe@example.org") == b"+OK \r\n"
                assert client.ask(b"PASS x") == b"-ERR [SYS/TEMP] unable to check that now, please try again later\r\n"
                assert client.ask(b"STLS").startswith(b"-ERR")
                server.process.terminate()
                assert server.process.wait() == 0
                assert client.rest() == b""


def running_workers(server: Server) -> list[int]:
    pid = server.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_workers_share_an_address(site: Site) -> None:
    with site.running("login-broker"), site.running("pop3d", "--listen", "127.0.0.1:0", "--workers", "3") as server:
        port = ports(server)[0]
        for _ in range(20):
            with Client(socket.create_connection(("127.0.0.1", port), timeout=20)) as client:
                assert client.line().startswith(b"+OK")
        workers = running_workers(server)
        assert len(workers) == 3
        server.process.terminate()
        assert server.process.wait() == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_when_a_worker_dies_all_end_and_the_supervisor_starts_afresh(site: Site) -> None:
    with site.running("pop3d", "--listen", "127.0.0.1:0", "--workers", "2") as server:
        with Client(socket.create_connection(("127.0.0.1", ports(server)[0]), timeout=20)) as client:
            client.line()  # somebody serves: all are forked
        workers = running_workers(server)
        os.kill(workers[0], signal.SIGKILL)
        assert server.process.wait() == 111
        assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
def test_it_gives_up_root_after_it_read_its_key(site: Site) -> None:
    key = site.home / "control/servercert.pem"
    os.chown(key, 0, 0)
    try:
        with site.running("pop3d", "--listen-tls", "127.0.0.1:0", "--user", "nobody", as_root=True) as server:
            status = Path(f"/proc/{server.process.pid}/status").read_text()
            context = ssl.create_default_context(cadata=_certificate_of(key))
            client = poplib.POP3_SSL("localhost", ports(server)[0], context=context, timeout=20)
            assert client.getwelcome().startswith(b"+OK")
            client.quit()
    finally:
        unprivileged.give(key)
    uid = unprivileged.NOBODY
    assert f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}\n" in status


def _certificate_of(path: Path) -> str:
    text = path.read_text()
    return text[text.index("-----BEGIN CERTIFICATE") :]


@pytest.mark.parametrize(
    ("why", "argv"),
    [
        ("nothing to listen on", []),
        ("an option without its value", ["--listen"]),
        ("unknown", ["--listen", "127.0.0.1:0", "--quiet", "1"]),
        ("no address", ["--listen", "110"]),
        ("no workers", ["--listen", "127.0.0.1:0", "--workers", "0"]),
        ("too many workers", ["--listen", "127.0.0.1:0", "--workers", "65"]),
    ],
)
def test_a_wrong_command_line_is_refused(site: Site, why: str, argv: list[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "mta", "pop3d", *argv],
        cwd=ROOT,
        env={"QMAIL_HOME": str(site.home), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=False,
        **unprivileged.become(),  # type: ignore[call-overload]
    )
    assert (ran.returncode, ran.stderr.count(b"\n"), ran.stderr[:14]) == (100, 1, b"pop3d: fatal: "), why


def test_tls_without_a_certificate_does_not_start() -> None:
    with unprivileged.folder() as home:
        other = Site(home)
        ran = subprocess.run(
            [sys.executable, "-m", "mta", "pop3d", "--listen-tls", "127.0.0.1:0"],
            cwd=ROOT,
            env={"QMAIL_HOME": str(other.home), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            check=False,
            **unprivileged.become(),  # type: ignore[call-overload]
        )
    assert (ran.returncode, b"servercert.pem" in ran.stderr) == (111, True)


def test_options_are_read() -> None:
    argv = [b"--listen", b"127.0.0.1:110", b"--listen", b"[::1]:110", b"--listen-tls", b":995", b"--user", b"pop", b"--workers", b"4"]
    assert pop3d.options(argv) == pop3d.Options((b"127.0.0.1:110", b"[::1]:110"), (b":995",), "pop", 4)
    with pytest.raises(Permanent):
        pop3d.options([b"--listen-tls"])
