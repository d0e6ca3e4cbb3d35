"""tcpserver and tcpclient beside the originals: same environment of the program, same log, same words, same exit. Names need root: the
originals ask a name server on port 53 only."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.formats import cdb
from tests.support import original
from tests.support.call import Result
from tests.support.dns_server import DnsServer
from tests.support.process import PATIENCE_S
from tests.support.tcpserver import Tcpserver, masked
from tests.support.unprivileged import IS_ROOT

ROUNDS = original.rounds(100)
BY = ("ours", "original")
NAME_SERVER = "127.53.0.3"
ENV = {"PATH": "/usr/bin:/bin", "A": "1", "TCPREMOTEHOST": "stale", "TCPREMOTEINFO": "stale"}
ZONE = {
    "1.0.0.127.in-addr.arpa": {"PTR": ["Client.Example.org."]},
    "2.0.0.127.in-addr.arpa": {"PTR": ["a.b.example.org."]},
    "3.0.1.127.in-addr.arpa": {"PTR": ["odd\\.label.%:.test."]},
    "4.0.0.127.in-addr.arpa": {"PTR": ["."]},
    "5.0.0.127.in-addr.arpa": {"PTR": [f"{'x' * 60}.{'y' * 60}.test."]},
    "client.example.org": {"A": ["127.0.0.1"]},
    "a.b.example.org": {"A": ["127.0.0.9"]},
    "two.test": {"A": ["127.0.0.1"]},
}
SOURCES = ["127.0.0.1", "127.0.0.2", "127.1.0.3", "127.0.0.4", "127.0.0.5", "127.0.1.6"]


@contextmanager
def both(argv: list[str | Path], program: list[str], folder: Path, env: dict[str, str]) -> Iterator[list[Tcpserver]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Tcpserver(by, argv, program, folder, env)) for by in BY]


def told(server: Tcpserver, source: str) -> list[bytes]:
    """What env -0 says, without ports."""
    return sorted(re.sub(rb"(TCP\w+PORT)=\d+", rb"\1", item) for item in server.talk(source=source).split(b"\0"))


@pytest.fixture(scope="module")
def name_server() -> Iterator[dict[str, str]]:
    if not IS_ROOT:
        pytest.skip("only root can be a name server on port 53")
    with DnsServer(dict(ZONE), NAME_SERVER, 53):
        yield {**ENV, "DNSCACHEIP": NAME_SERVER}


keys = st.sampled_from(
    [b"127.0.0.1", b"127.0.0.2", b"127.", b"127.0.", b"127.0.0", b"", b"=", b"=.org", b"=client.example.org", b"=a.b.example.org",
     b"=.b.example.org", b"=.test", b"=.", b"x@127.0.0.1"]
)  # fmt: skip
items = st.sampled_from(
    [b"D\0", b"+A=\0", b"+A=2\0", b"+TCPREMOTEIP=x\0", b"+B=a=b\0", b"+PATH=/\0", b"+TCPREMOTEHOST=h\0", b"+A\0", b"Q\0", b"\0", b"+C=3"]
)
records = st.lists(st.tuples(keys, st.lists(items, max_size=3).map(b"".join)), max_size=5)


class Pair:
    """Two servers with the same rules; rules may change between clients."""

    def __init__(self, servers: list[Tcpserver], rules: Path) -> None:
        self.servers = servers
        self.rules = rules
        self._ended = 0
        self._seen = [0, 0]

    def write(self, data: bytes) -> None:
        temporary = self.rules.with_suffix(".tmp")
        temporary.write_bytes(data)
        temporary.rename(self.rules)

    def client(self, source: str) -> None:
        ours, theirs = (told(server, source) for server in self.servers)
        original.TRIED["tcpserver"] += 1
        self._ended += 1
        logs = []
        for i, server in enumerate(self.servers):
            server.logged(b"tcpserver: status: 0/40\n", self._ended + 1)
            log = masked(server.log)
            logs.append(log[self._seen[i] :])
            self._seen[i] = len(log)
        assert ours == theirs
        assert logs[0] == logs[1]


@contextmanager
def pair(flags: str, folder: Path, env: dict[str, str], program: list[str] | None = None) -> Iterator[Pair]:
    rules = folder / "rules.cdb"
    rules.write_bytes(cdb.write([]))
    with both([flags, "-x", rules], program or ["/usr/bin/env", "-0"], folder, env) as servers:
        yield Pair(servers, rules)


@pytest.fixture(scope="module")
def without_names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with pair("-vRHl0", tmp_path_factory.mktemp("plain"), ENV) as found:
        yield found


@settings(max_examples=ROUNDS)
@given(rules=records, source=st.sampled_from(SOURCES))
def test_the_same_rules_make_the_same_environment(without_names: Pair, rules: list[tuple[bytes, bytes]], source: str) -> None:
    without_names.write(cdb.write(rules))
    without_names.client(source)


@pytest.fixture(scope="module")
def with_names(tmp_path_factory: pytest.TempPathFactory, name_server: dict[str, str]) -> Iterator[Pair]:
    with pair("-vR", tmp_path_factory.mktemp("names"), name_server) as found:
        yield found


@pytest.mark.root
@settings(max_examples=ROUNDS)
@given(rules=records, source=st.sampled_from(SOURCES))
def test_the_same_names_do(with_names: Pair, rules: list[tuple[bytes, bytes]], source: str) -> None:
    with_names.write(cdb.write(rules))
    with_names.client(source)


@pytest.mark.root
@pytest.mark.parametrize("source", SOURCES)
def test_the_same_names_are_believed(source: str, name_server: dict[str, str], tmp_path: Path) -> None:
    with pair("-vRp", tmp_path, name_server) as found:
        found.client(source)


@pytest.mark.parametrize("program", [["true"], ["false"], ["sh", "-c", "kill -9 $$"], ["/none"], ["none"], ["/"]])
def test_the_same_end_is_logged(program: list[str], tmp_path: Path) -> None:
    with pair("-vRHl0", tmp_path, ENV, program) as found:
        found.client("127.0.0.1")


ANSWERS = [
    b"1,2 : USERID : UNIX : joe smith\r\n",
    b"1,2:ERROR:NO-USER\r\n",
    b"::::\n",
    b":::a:b\r\n",
    b"x",
    b"",
    b":::" + b"y" * 300 + b"\n",
    b":::a\0b\n",
]


@pytest.mark.root
@pytest.mark.skipif(not IS_ROOT, reason="only root can answer on port 113")
@pytest.mark.parametrize("answer", ANSWERS)
def test_the_same_info_is_understood(answer: bytes, tmp_path: Path) -> None:
    with socket.create_server(("127.113.0.2", 113)) as ident, pair("-vHl0", tmp_path, ENV) as found:

        def serve() -> None:
            for _ in BY:
                connection, _ = ident.accept()
                with connection:
                    connection.recv(100)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        found.client("127.113.0.2")
        thread.join()


@pytest.mark.parametrize("name", ["tcpserver", "tcpclient"])
@pytest.mark.parametrize(
    "argv",
    [
        *([], ["x"], ["x", "y"], ["-z"], ["-q", "x"], ["-q", "x", "nosuch", "y"], ["-c"], ["-t"], ["-x"], ["-B"]),
        *(["--", "x", "nosuch", "y"], ["x", "nosuch", "y"], ["", "5x", "y"], ["-", "nosuch", "y"], ["-i", "x", "x", "y", "z"]),
        *(["1.2.3", "0", "true"], ["-v", "1.2", "0", "true"], ["-i", "192.0.2.1", "0", "0", "true"]),
        ["-i", "1.2.3.4", "127.0.0.1", "1", "true"],
    ],
)
def test_the_same_words_about_wrong_arguments(name: str, argv: list[str]) -> None:
    words = [word.encode() for word in argv]
    assert original.ours(name, words) == original.run(name, words)


def connected(by: str, argv: list[bytes], env: dict[bytes, bytes]) -> Result:
    run = original.ours if by == "ours" else original.run
    result = run("tcpclient", argv, env)
    return Result(
        result.code, b"\0".join(sorted(re.sub(rb"(TCP\w+PORT)=\d+", rb"\1", item) for item in result.out.split(b"\0"))), result.err
    )


flags = st.lists(
    st.sampled_from([b"-v", b"-q", b"-Q", b"-d", b"-D", b"-i127.0.0.7", b"-i0.0.0.0", b"-l0", b"-lx", b"-T1+1", b"-T5", b"-p0", b"-t1"]),
    max_size=4,
)


@settings(max_examples=ROUNDS)
@given(flags, st.sampled_from([b"0", b"", b"127.0.0.1", b"127.1.2.3", b"[127.0.0.1]", b"127.0.0.1."]))
def test_the_same_connection_makes_the_same_environment(options: list[bytes], host: bytes) -> None:
    env = {name.encode(): value.encode() for name, value in ENV.items()}
    with socket.create_server(("0.0.0.0", 0), backlog=50) as listener:
        port = b"%d" % listener.getsockname()[1]
        argv = [*options, b"-RH", b"-l0", host, port, b"env", b"-0"]
        ours, theirs = (connected(by, argv, env) for by in BY)
        assert ours == theirs


@pytest.mark.root
@pytest.mark.parametrize("host", [b"two.test", b"two", b"TWO.test.", b"none.test", b"127.0.0.1"])
@pytest.mark.parametrize("options", [[b"-R"], [b"-Rlx"], [b"-RH"]])
def test_the_same_names_lead_to_the_same_places(host: bytes, options: list[bytes], name_server: dict[str, str]) -> None:
    env = {name.encode(): value.encode() for name, value in {**name_server, "LOCALDOMAIN": "test"}.items()}
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        listener.settimeout(PATIENCE_S)
        argv = [b"-v", *options, host, b"%d" % listener.getsockname()[1], b"env", b"-0"]
        ours, theirs = (connected(by, argv, env) for by in BY)
        assert ours == theirs


def test_the_same_is_said_of_a_closed_port() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        argv = [b"127.0.0.1", b"%d" % sock.getsockname()[1], b"true"]
        assert original.ours("tcpclient", argv) == original.run("tcpclient", argv)


def test_each_talks_to_the_other(tmp_path: Path) -> None:
    for server_by, client_by in (BY, BY[::-1]):
        with Tcpserver(server_by, ["-RHl0"], ["cat"], tmp_path) as server:
            script = b"printf hello >&7; dd bs=5 count=1 <&6 2>/dev/null"
            argv = [b"-RHl0", b"127.0.0.1", b"%d" % server.port, b"sh", b"-c", script]
            run = original.ours if client_by == "ours" else original.run
            assert run("tcpclient", argv, {b"PATH": os.fsencode("/usr/bin:/bin")}) == Result(0, b"hello", b"")
