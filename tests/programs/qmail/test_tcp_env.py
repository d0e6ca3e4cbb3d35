from __future__ import annotations

import _socket
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mta.programs.qmail import tcp_env
from tests.support.call import Result, call, command

PATH = b"/usr/bin:/bin"
ENV = {b"QMAIL_HOME": b"/nowhere", b"PATH": PATH}
Pair = tuple[socket.socket, socket.socket]


@pytest.fixture(params=["127.0.0.1", "::1"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """A connection: our end, their end."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    try:
        server = socket.create_server((request.param, 0), family=family)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with server, socket.create_connection(server.getsockname()[:2]) as theirs, server.accept()[0] as ours:
        yield ours, theirs


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], None]:
    """What the name service says from now on: a name, or an error."""

    def set_(answer: object) -> None:
        def getnameinfo(_address: object, _flags: int) -> tuple[object, str]:
            if isinstance(answer, Exception):
                raise answer
            return answer, "0"

        monkeypatch.setattr(_socket, "getnameinfo", getnameinfo)

    return set_


def described(ours: socket.socket, env: dict[bytes, bytes] | None = None, timeout_s: int = 0) -> dict[bytes, bytes]:
    return tcp_env.describe(ours.fileno(), env or {}, timeout_s)


def test_both_ends_are_described(pair: Pair, names: Callable[[object], None]) -> None:
    names("Host.Example")
    ours, theirs = pair
    (ip, port, *_), (remote_ip, remote_port, *_) = ours.getsockname(), theirs.getsockname()
    assert described(ours, {b"A": b"b", b"TCPREMOTEINFO": b"old"}) == {
        b"A": b"b",
        b"PROTO": b"TCP",
        b"TCPLOCALIP": ip.encode(),
        b"TCPLOCALPORT": b"%d" % port,
        b"TCPLOCALHOST": b"host.example",
        b"TCPREMOTEIP": remote_ip.encode(),
        b"TCPREMOTEPORT": b"%d" % remote_port,
        b"TCPREMOTEHOST": b"host.example",
    }


@pytest.mark.parametrize(
    ("why", "answer", "host"),
    [
        ("there is no name", _socket.gaierror(_socket.EAI_NONAME, "no"), None),
        ("that cannot be known now", _socket.gaierror(_socket.EAI_AGAIN, "later"), b"softdnserror"),
        ("the name service is broken", _socket.gaierror(_socket.EAI_FAIL, "broken"), None),
        ("no name service", OSError(5, "no"), None),
    ],
)
def test_a_name(pair: Pair, names: Callable[[object], None], why: str, answer: object, host: bytes | None) -> None:
    names(answer)
    found = described(pair[0], {b"TCPREMOTEHOST": b"old", b"TCPLOCALHOST": b"old"})
    assert (found.get(b"TCPREMOTEHOST"), found.get(b"TCPLOCALHOST")) == (host, host), why


def test_an_address_of_ipv4_within_ipv6_is_written_as_that(names: Callable[[object], None]) -> None:
    names("h")
    try:
        server = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    except (OSError, ValueError):
        pytest.skip("this machine has no IPv6")
    with server, socket.create_connection(("127.0.0.1", server.getsockname()[1])), server.accept()[0] as ours:
        found = described(ours)
    assert (found[b"TCPLOCALIP"], found[b"TCPREMOTEIP"]) == (b"127.0.0.1", b"127.0.0.1")


@pytest.mark.parametrize(
    ("why", "answer", "info"),
    [("it says", b"1 , 2 : USERID : UNIX : joe\r\n", b"joe"), ("it hangs up", b"1 , 2 :", None), ("it says nothing in time", None, None)],
)
def test_who_is_there(
    pair: Pair, names: Callable[[object], None], monkeypatch: pytest.MonkeyPatch, why: str, answer: bytes | None, info: bytes | None
) -> None:
    names("h")
    ours, theirs = pair
    asked = []

    def serve(server: socket.socket) -> None:
        with server.accept()[0] as client:
            asked.append(client.recv(1024))
            if answer is not None:
                client.sendall(answer)
            else:
                client.recv(1)  # until the other side has lost its patience

    with socket.create_server((theirs.getsockname()[0], 0), family=theirs.family) as server:
        monkeypatch.setattr(tcp_env, "IDENT_PORT", server.getsockname()[1])
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        found = tcp_env.describe(ours.fileno(), {}, 0.2 if answer is None else 20)  # type: ignore[arg-type]
        thread.join()
    assert found.get(b"TCPREMOTEINFO") == info, why
    assert asked == [b"%d , %d\r\n" % (theirs.getsockname()[1], ours.getsockname()[1])]


def test_nobody_to_ask_is_no_trouble(pair: Pair, names: Callable[[object], None], monkeypatch: pytest.MonkeyPatch) -> None:
    names("h")
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(tcp_env, "IDENT_PORT", server.getsockname()[1])
    assert b"TCPREMOTEINFO" not in described(pair[0], {b"TCPREMOTEINFO": b"old"}, 5)


def process(argv: list[bytes], stdin: object, **env: str) -> Result:
    variables = {**ENV, **{os.fsencode(k): v.encode() for k, v in env.items()}}
    done = subprocess.run([*command("tcp-env", b"/nowhere"), *argv], stdin=stdin, env=variables, capture_output=True, check=False)  # type: ignore[call-overload]
    return Result(done.returncode, done.stdout, done.stderr)


def test_it_becomes_the_program(pair: Pair) -> None:
    ours, theirs = pair
    theirs.sendall(b"hello\n")
    result = process([b"-R", b"-t5", b"sh", b"-c", b'read line; echo "$line $PROTO $TCPREMOTEPORT $1"; exit 7', b"sh", b"a b"], ours)
    assert result == Result(7, b"hello TCP %d a b\n" % theirs.getsockname()[1], b"")


def test_with_proto_set_it_just_becomes_the_program() -> None:
    result = process([b"sh", b"-c", b'echo "$PROTO.$TCPREMOTEIP.$TCPLOCALIP"'], subprocess.DEVNULL, PROTO="TCP", TCPREMOTEIP="there")
    assert result == Result(0, b"TCP.there.\n", b"")


def test_an_input_that_is_no_connection(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (tmp_path / "file").open() as file:
        assert process([b"-R", b"true"], file) == Result(111, b"", b"")
    one, two = socket.socketpair()
    with one, two:
        assert process([b"-R", b"true"], one) == Result(111, b"", b"")
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert process([b"-R", b"true"], server) == Result(111, b"", b""), "a socket without another end"


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        ([], b""),
        ([b"-R"], b""),
        ([b"-x", b"true"], b"tcp-env: illegal option -- x\n"),
        ([b"-t"], b"tcp-env: option requires an argument -- t\n"),
    ],
)
def test_wrong_arguments(argv: list[bytes], complaint: bytes) -> None:
    assert call("tcp-env", argv, {**ENV, b"PROTO": b"TCP"}) == Result(111, b"", complaint)


def test_a_program_that_is_not_there() -> None:
    assert process([b"no-such-program"], subprocess.DEVNULL, PROTO="TCP") == Result(111, b"", b"")
