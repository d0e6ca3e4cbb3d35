"""tcpclient, and mconnect and tcpcat around it: connections to servers on loopback, and to none."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import bin_dir
from tests.support.call import Result, call, command, process
from tests.support.dns_server import SERVFAIL, DnsServer
from tests.support.process import PATIENCE_S
from tests.support.tcpserver import all_of

ENV = {b"QMAIL_HOME": b"/", b"PATH": b"/usr/bin:/bin"}
QUIET = b"-RHl0"
ZONE = {
    "one.test": {"A": ["127.0.0.1"]},
    "first-is-gone.test": {"A": ["127.0.0.61", "127.0.0.1"]},
    "1.0.0.127.in-addr.arpa": {"PTR": ["host.test."]},
    "broken.test": SERVFAIL,
}


@contextmanager
def served(serve: Callable[[socket.socket], None], host: str = "127.0.0.1") -> Iterator[bytes]:
    """A server for one connection -> its port."""
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        listener.settimeout(PATIENCE_S)

        def run() -> None:
            connection, _ = listener.accept()
            with connection:
                serve(connection)

        thread = threading.Thread(target=run)
        thread.start()
        yield b"%d" % listener.getsockname()[1]
        thread.join()


def closed(port_of: str = "127.0.0.1") -> bytes:
    with socket.socket() as sock:
        sock.bind((port_of, 0))
        return b"%d" % sock.getsockname()[1]


def variables(out: bytes) -> dict[str, str]:
    found = dict(item.split("=", 1) for item in out.decode().split("\0") if item)
    return {name: value for name, value in found.items() if name.startswith(("TCP", "PROTO"))}


def test_the_program_reads_6_and_writes_7() -> None:
    with served(lambda sock: sock.sendall(b"got " + all_of(sock))) as port:
        shut = b"import socket; socket.socket(fileno=7).shutdown(socket.SHUT_WR)"
        argv = [QUIET, b"127.0.0.1", port, b"sh", b"-c", b"printf hello >&7; python3 -c '%b'; cat <&6" % shut]
        assert process("tcpclient", argv, ENV) == Result(0, b"got hello", b"")


@pytest.mark.parametrize("host", [b"", b"0", b"localhost", b"127.0.0.1"])
def test_this_machine(host: bytes) -> None:
    with served(lambda sock: sock.sendall(b"hello")) as port:
        assert process("tcpclient", [QUIET, host, port, b"sh", b"-c", b"cat <&6; exit 7"], ENV) == Result(7, b"hello", b"")


def test_ipv6() -> None:
    with served(lambda sock: None, "::1") as port:
        found = variables(process("tcpclient", [QUIET, b"::1", port, b"env", b"-0"], ENV).out)
    assert (found["PROTO"], found["TCPLOCALIP"], found["TCPREMOTEIP"]) == ("TCP6", "::1", "::1")


def test_the_program_is_told_of_both_ends() -> None:
    local = closed("127.0.0.5")
    stale = {b"TCPREMOTEHOST": b"stale", b"TCPREMOTEINFO": b"stale"}
    with served(lambda sock: None) as port:
        argv = [QUIET, b"-i", b"127.0.0.5", b"-p", local, b"127.0.0.1", port, b"env", b"-0"]
        assert variables(process("tcpclient", argv, {**ENV, **stale}).out) == {
            "PROTO": "TCP",
            "TCPLOCALIP": "127.0.0.5",
            "TCPLOCALPORT": local.decode(),
            "TCPLOCALHOST": "0",
            "TCPREMOTEIP": "127.0.0.1",
            "TCPREMOTEPORT": port.decode(),
        }


@pytest.fixture(scope="module")
def names() -> Iterator[dict[bytes, bytes]]:
    with DnsServer(dict(ZONE)) as server:
        yield {**ENV, b"DNSCACHEIP": server.dnscacheip, b"LOCALDOMAIN": b"test"}


@pytest.mark.parametrize("host", [b"one.test", b"one", b"first-is-gone.test", b"first-is-gone"])
def test_a_name_has_addresses_and_they_have_names(host: bytes, names: dict[bytes, bytes]) -> None:
    with served(lambda sock: None) as port:
        result = process("tcpclient", [b"-R", host, port, b"env", b"-0"], names)
    found = variables(result.out)
    assert (found["TCPREMOTEIP"], found["TCPREMOTEHOST"], found["TCPLOCALHOST"]) == ("127.0.0.1", "host.test", "host.test")


def test_it_says_which_address_does_not_answer(names: dict[bytes, bytes]) -> None:
    port = closed()
    result = process("tcpclient", [b"first-is-gone.test", port, b"echo", b"ran"], names)
    lines = [b"tcpclient: unable to connect to 127.0.0.%d port %b: connection refused" % (n, port) for n in (1, 61)]
    assert (result.code, result.out, sorted(result.err.splitlines())) == (111, b"", lines)


@pytest.mark.parametrize("flags", [[b"-T1"], [b"-T", b"0+1"], [b"-T1+0"]])
def test_one_that_does_not_answer_at_all(flags: list[bytes]) -> None:
    """A server that has more waiting than it wants, and takes none."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = []
        for _ in range(3):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
            waiting.append(sock)
        result = process("tcpclient", [*flags, b"127.0.0.1", b"%d" % port, b"echo", b"ran"], ENV)
        for sock in waiting:
            sock.close()
    assert result == Result(111, b"", b"tcpclient: unable to connect to 127.0.0.1 port %d: timed out\n" % port)


def test_verbose_it_says_where_it_is() -> None:
    with served(lambda sock: None) as port:
        result = process("tcpclient", [b"-v", QUIET, b"127.0.0.1", port, b"true"], ENV)
    assert result == Result(0, b"", b"tcpclient: connected to 127.0.0.1 port %b\n" % port)


def test_quiet_it_says_nothing() -> None:
    assert process("tcpclient", [b"-q", b"127.0.0.1", closed(), b"true"], ENV) == Result(111, b"", b"")
    assert call("tcpclient", [b"-q", b"127.0.0.1", b"nosuch", b"true"], {}) == Result(111, b"", b"")


def test_it_says_what_it_cannot_run() -> None:
    with served(lambda sock: None) as port:
        result = process("tcpclient", [QUIET, b"127.0.0.1", port, b"/none"], ENV)
    assert result == Result(111, b"", b"tcpclient: fatal: unable to run /none: file does not exist\n")


USAGE = b"tcpclient: usage: tcpclient [ -hHrRdDqQv ] [ -i localip ] "


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        ([], 100, USAGE),
        ([b"0"], 100, USAGE),
        ([b"0", b"25"], 100, USAGE),
        ([b"-i", b"x", b"0", b"25", b"true"], 100, USAGE),
        ([b"-z", b"0", b"25", b"true"], 100, b"tcpclient: illegal option -- z\n" + USAGE),
        ([b"0", b"nosuch", b"true"], 111, b"tcpclient: fatal: unable to figure out port number for nosuch\n"),
        ([b"1.2.3", b"25", b"true"], 111, b"tcpclient: fatal: no IP address for 1.2.3\n"),
        ([b"-i", b"192.0.2.1", b"0", b"25", b"true"], 111, b"tcpclient: fatal: unable to bind socket: "),
    ],
)
def test_wrong_arguments(argv: list[bytes], code: int, said: bytes) -> None:
    result = call("tcpclient", argv, {})
    assert (result.code, result.out, result.err[: len(said)]) == (code, b"", said)


def test_names_that_are_not_known_and_those_that_cannot_be_now(names: dict[bytes, bytes]) -> None:
    assert call("tcpclient", [b"none.test", b"25", b"true"], names) == Result(111, b"", b"tcpclient: fatal: no IP address for none.test\n")
    said = b"tcpclient: fatal: temporarily unable to figure out IP address for broken.test: temporary failure\n"
    assert call("tcpclient", [b"broken.test", b"25", b"true"], names) == Result(111, b"", said)


def test_closed_descriptors_are_no_trouble() -> None:
    with served(lambda sock: sock.sendall(b"hello")) as port:
        words = [*command("tcpclient", b"/"), QUIET.decode(), "127.0.0.1", port.decode(), "sh", "-c", "cat <&6"]
        done = subprocess.run(["sh", "-c", '"$@" <&- 2>&-', "sh", *words], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"hello")


# -- mconnect, tcpcat


@pytest.fixture
def home(tmp_path: Path) -> Path:
    bin_dir.install(tmp_path, "tcpclient", "mconnect", "mconnect-io", "tcpcat")
    return tmp_path


def test_tcpcat_shows_what_a_server_says(home: Path) -> None:
    with served(lambda sock: sock.sendall(b"quote of the day\r\n")) as port:
        done = subprocess.run([home / "bin/tcpcat", "0", port], capture_output=True, check=True)
    assert done.stdout == b"quote of the day\r\n"


def test_mconnect_talks_lines(home: Path) -> None:
    def serve(sock: socket.socket) -> None:
        sock.sendall(b"220 hello\r\n")
        assert sock.recv(100) == b"QUIT\r\n"
        sock.sendall(b"221 bye\r\n")

    with served(serve) as port:
        done = subprocess.run([home / "bin/mconnect", "127.0.0.1", port], input=b"QUIT\n", capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"220 hello\r\n221 bye\r\n", b"")


@pytest.mark.parametrize(("name", "port"), [("mconnect", 25), ("tcpcat", 17)])
def test_where_they_connect_when_nothing_is_said(name: str, port: int, tmp_path: Path) -> None:
    folder = bin_dir.install(tmp_path, name)
    (folder / "tcpclient").write_text('#!/bin/sh\necho "$@"\n')
    (folder / "tcpclient").chmod(0o755)
    result = process(name, [], {b"QMAIL_HOME": os.fsencode(tmp_path)})
    assert (result.code, result.out.split(b" ")[:4]) == (0, [b"-RHl0", b"--", b"0", b"%d" % port])


@pytest.mark.parametrize("name", ["mconnect", "tcpcat"])
def test_without_tcpclient_they_say_so(name: str, tmp_path: Path) -> None:
    path = os.fsencode(tmp_path)
    said = b"%b: fatal: unable to run %b/bin/tcpclient: file does not exist\n" % (name.encode(), path)
    assert process(name, [], {b"QMAIL_HOME": path}) == Result(111, b"", said)
