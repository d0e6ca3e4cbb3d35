"""tcpserver: who gets a program, what that program knows, what the log says. Cases C4 to C7."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta.formats import tcprules
from mta.programs.ucspi_tcp.tcpserver import child
from tests.support.call import Result, call, command
from tests.support.dns_server import SILENCE, DnsServer
from tests.support.process import PATIENCE_S, eventually, ignored_by_us
from tests.support.tcpserver import ENV, Tcpserver, all_of, masked
from tests.support.unprivileged import IS_ROOT

QUIET = "-RHl0"
ZONE = {
    "1.0.0.127.in-addr.arpa": {"PTR": ["Client.Example.org."]},
    "client.example.org": {"A": ["127.0.0.9", "127.0.0.1"]},
    "2.0.0.127.in-addr.arpa": {"PTR": ["liar.example.org."]},
    "liar.example.org": {"A": ["127.0.0.9"]},
    "3.0.0.127.in-addr.arpa": SILENCE,
}


@pytest.fixture(scope="module")
def names() -> Iterator[dict[str, str]]:
    """An environment with a name server."""
    with DnsServer(dict(ZONE)) as server:
        yield {**ENV, "DNSCACHEIP": server.dnscacheip.decode()}


def rules(folder: Path, text: str) -> Path:
    path = folder / "rules.cdb"
    temporary = folder / "rules.tmp"
    temporary.write_bytes(tcprules.compile_(text.encode()))
    temporary.rename(path)
    return path


def variables(said: bytes) -> dict[str, str]:
    """What env -0 wrote."""
    return dict(item.split("=", 1) for item in said.decode().split("\0") if item)


def tcp_variables(said: bytes) -> dict[str, str]:
    return {name: value for name, value in variables(said).items() if name.startswith(("TCP", "PROTO")) and not name.endswith("PORT")}


# -- the program


def test_the_program_reads_and_writes_the_connection(tmp_path: Path) -> None:
    with Tcpserver("ours", [QUIET], ["cat"], tmp_path) as server:
        assert [server.talk(b"one"), server.talk(b"two" * 100_000)] == [b"one", b"two" * 100_000]


def test_the_program_has_default_signals_and_three_descriptors(tmp_path: Path) -> None:
    script = "grep -E 'SigIgn|SigBlk' /proc/self/status; ls /proc/self/fd | wc -l"
    with Tcpserver("ours", [QUIET, "-x", rules(tmp_path, ":allow")], ["sh", "-c", script], tmp_path) as server:
        assert server.talk().split() == [b"SigBlk:", b"0" * 16, b"SigIgn:", ignored_by_us().encode(), b"4"]


def test_the_program_is_told_of_both_ends(tmp_path: Path) -> None:
    with Tcpserver("ours", [QUIET], ["env", "-0"], tmp_path, {**ENV, "TCPREMOTEHOST": "stale", "TCPREMOTEINFO": "stale"}) as server:
        with server.connect("127.0.0.7") as sock:
            found = variables(all_of(sock))
            assert found["TCPREMOTEPORT"] == str(sock.getsockname()[1])
        assert found["TCPLOCALPORT"] == str(server.port)
    wanted = {"PROTO": "TCP", "TCPLOCALIP": "127.0.0.1", "TCPLOCALHOST": "0", "TCPREMOTEIP": "127.0.0.7"}
    assert {name: value for name, value in found.items() if not name.endswith("PORT")} == {**ENV, **wanted}


@pytest.mark.parametrize(
    ("why", "flags", "source", "host"),
    [
        ("looked up", "-Rl0", "127.0.0.1", "client.example.org"),
        ("not looked up", "-RHl0", "127.0.0.1", None),
        ("paranoid, and true", "-pRl0", "127.0.0.1", "client.example.org"),
        ("paranoid, and a lie", "-pRl0", "127.0.0.2", None),
        ("a lie will do", "-pPRl0", "127.0.0.2", "liar.example.org"),
        ("no name", "-Rl0", "127.0.0.4", None),
    ],
)
def test_the_name_of_the_client(why: str, flags: str, source: str, host: str | None, names: dict[str, str], tmp_path: Path) -> None:
    with Tcpserver("ours", [flags], ["env", "-0"], tmp_path, {**names, "TCPREMOTEHOST": "stale"}) as server:
        assert variables(server.talk(source=source)).get("TCPREMOTEHOST") == host, why


def test_our_own_name_is_looked_up_unless_it_is_said(names: dict[str, str], tmp_path: Path) -> None:
    with Tcpserver("ours", ["-RH"], ["env", "-0"], tmp_path, names) as server:
        assert variables(server.talk())["TCPLOCALHOST"] == "client.example.org"
    with Tcpserver("ours", ["-RH", "-l", "mx"], ["env", "-0"], tmp_path, names) as server:
        assert variables(server.talk())["TCPLOCALHOST"] == "mx"


@pytest.mark.root
@pytest.mark.skipif(not IS_ROOT, reason="only root can answer on port 113")
@pytest.mark.parametrize(
    ("answer", "info"),
    [(b"1,2 : USERID : UNIX : joe smith\r\n", "joesmith"), (b"1,2:ERROR:NO-USER\r\n", ""), (b"1,2:USERID:UNIX:joe", None)],
)
def test_who_the_client_is(answer: bytes, info: str | None, tmp_path: Path) -> None:
    with socket.create_server(("127.113.0.1", 113)) as ident, Tcpserver("ours", ["-vHl0"], ["env", "-0"], tmp_path) as server:
        asked = []

        def serve() -> None:
            connection, _ = ident.accept()
            with connection:
                asked.append(connection.recv(100))
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with server.connect("127.113.0.1") as sock:
            found = variables(all_of(sock))
            port = sock.getsockname()[1]
        thread.join()
        assert asked == [b"%d , %d\r\n" % (port, server.port)]
        assert found.get("TCPREMOTEINFO") == info
        server.logged(b":127.113.0.1:%b:" % (info or "").encode())


def test_nobody_answers_who_the_client_is(tmp_path: Path) -> None:
    with Tcpserver("ours", ["-Hl0", "-t1"], ["env", "-0"], tmp_path, {**ENV, "TCPREMOTEINFO": "stale"}) as server:
        assert "TCPREMOTEINFO" not in variables(server.talk(source="127.0.0.8"))


# -- rules


def test_rules_set_variables_and_are_read_for_each_client(tmp_path: Path) -> None:
    path = rules(tmp_path, '127.0.0.1:allow,RELAYCLIENT="",TCPLOCALHOST="mx",PATH="/nowhere"\n')
    with Tcpserver("ours", [QUIET, "-x", path], ["env", "-0"], tmp_path) as server:
        found = variables(server.talk())
        assert (found["RELAYCLIENT"], found["TCPLOCALHOST"], found["PATH"]) == ("", "mx", "/nowhere")
        assert "RELAYCLIENT" not in variables(server.talk(source="127.0.0.2"))
        rules(tmp_path, ":deny\n")
        assert server.talk() == b""


@pytest.mark.parametrize(
    ("case", "text", "source", "answer"),
    [
        ("C4", "127.0.0:deny", "127.0.0.1", "allowed"),
        ("C4", "127.0.0.:deny", "127.0.0.1", "denied"),
        ("C5", '127.0.0.1:allow,A="ip"\n=client.example.org:allow,A="host"', "127.0.0.1", "allowed ip"),
        ("C5", '=client.example.org:allow,A="host"\n127.:allow,A="net"', "127.0.0.1", "allowed host"),
        ("C6", "=:deny", "127.0.0.1", "denied"),
        ("C6", "=:deny", "127.0.0.4", "allowed"),
        ("C6", ":deny", "127.0.0.4", "denied"),
        ("names are small", "=Client.Example.org:deny", "127.0.0.1", "allowed"),
    ],
)
def test_c4_c5_c6_which_rule_decides(case: str, text: str, source: str, answer: str, names: dict[str, str], tmp_path: Path) -> None:
    program = ["sh", "-c", "echo allowed $A"]
    with Tcpserver("ours", ["-vRl0", "-x", rules(tmp_path, text)], program, tmp_path, names) as server:
        assert (server.talk(source=source).decode().strip() or "denied") == answer, case


def test_c7_a_denied_client_in_the_log(tmp_path: Path) -> None:
    path = rules(tmp_path, ":deny\n")
    with Tcpserver("ours", ["-v", QUIET, "-x", path, "-B", "hello\r\n"], ["echo", "ran"], tmp_path) as server:
        assert server.talk() == b"hello\r\n"
        server.logged(b"status: 0/40\n", 2)
        assert masked(server.log) == [
            b"tcpserver: status: 0/40",
            b"tcpserver: status: 1/40",
            b"tcpserver: pid PID from 127.0.0.1",
            b"tcpserver: deny PID 0:127.0.0.1:PORT :127.0.0.1::PORT",
            b"tcpserver: end PID status 25600",
            b"tcpserver: status: 0/40",
        ]


@pytest.mark.parametrize(
    ("program", "status"),
    [(["true"], 0), (["sh", "-c", "exit 3"], 768), (["sh", "-c", "kill -9 $$"], 9), (["/none"], 28416)],
)
def test_the_log_tells_how_the_program_ended(program: list[str], status: int, tmp_path: Path) -> None:
    with Tcpserver("ours", ["-v", QUIET], program, tmp_path) as server:
        server.talk()
        server.logged(b" status %d\n" % status)
        assert (b"tcpserver: warning: dropping connection, unable to run /none: file does not exist\n" in server.log) == (status == 28416)


def test_without_rules_nobody_comes_in(tmp_path: Path) -> None:
    path = tmp_path / "rules.cdb"
    with Tcpserver("ours", [QUIET, "-x", path], ["echo", "ran"], tmp_path) as server:
        assert server.talk() == b""
        said = b"tcpserver: warning: dropping connection, unable to read %b: " % os.fsencode(path)
        server.logged(said + b"file does not exist\n")
        path.write_bytes(b"damaged")
        assert server.talk() == b""
        server.logged(said + b"protocol error\n")


def test_without_rules_everybody_comes_in_if_that_is_wanted(tmp_path: Path) -> None:
    with Tcpserver("ours", ["-X", QUIET, "-x", tmp_path / "none"], ["echo", "ran"], tmp_path) as server:
        assert server.talk() == b"ran\n"


# -- how many


def test_a_client_too_many_waits(tmp_path: Path) -> None:
    with Tcpserver("ours", ["-v", QUIET, "-c", "1"], ["cat"], tmp_path) as server:
        first, second = server.connect(), server.connect()
        with second:
            second.sendall(b"second")
            second.shutdown(socket.SHUT_WR)
            with first:
                first.sendall(b"first")
                assert first.recv(100) == b"first"
                assert server.log.count(b"tcpserver: pid ") == 1
            assert all_of(second) == b"second"
        server.logged(b"status: 0/1\n", 3)
        assert b"status: 2/" not in server.log


def test_with_a_limit_of_nothing_nobody_comes_in(tmp_path: Path) -> None:
    """Clients get as far as the kernel lets them."""
    with Tcpserver("ours", ["-v", QUIET, "-c", "0"], ["echo", "ran"], tmp_path) as server, server.connect() as sock:
        sock.sendall(b"x")
        server.logged(b"tcpserver: status: 0/0\n")
        assert server.process.poll() is None
    assert server.log == b"tcpserver: status: 0/0\n"


@pytest.mark.parametrize(
    ("why", "variables_", "source", "answer"),
    [
        ("another of its own", 'MAXCONNIP="1"', "127.0.0.1", b"too many\r\n"),
        ("another of its net", 'MAXCONNIP="1"', "127.0.0.2", b"ran"),
        ("another of its net, limited", 'MAXCONNC="1"', "127.0.0.2", b"too many\r\n"),
        ("another net", 'MAXCONNC="1"', "127.0.1.1", b"ran"),
        ("there is room for it", 'MAXCONNIP="2"', "127.0.0.1", b"ran"),
        ("nobody at all", 'MAXCONNIP="0"', "127.0.1.1", b"too many\r\n"),
    ],
)
def test_one_address_has_no_more_than_its_share(why: str, variables_: str, source: str, answer: bytes, tmp_path: Path) -> None:
    path = rules(tmp_path, ":allow\n")
    with Tcpserver("ours", ["-v", QUIET, "-x", path], ["sh", "-c", "printf ran; cat"], tmp_path) as server, server.connect() as first:
        assert first.recv(100) == b"ran"
        rules(tmp_path, f':allow,DIEMSG="too many",{variables_}\n')
        assert server.talk(source=source) == answer, why
        server.logged(b"tcpserver: ok ", 1 if answer != b"ran" else 2)


# -- the server itself


def test_term_ends_it_and_not_its_programs(tmp_path: Path) -> None:
    with Tcpserver("ours", [QUIET], ["cat"], tmp_path) as server, server.connect() as sock:
        sock.sendall(b"x")
        assert sock.recv(1) == b"x"
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE_S) == 0
        sock.sendall(b"y")
        assert sock.recv(1) == b"y"


def test_its_port_can_be_had_again_at_once(tmp_path: Path) -> None:
    with Tcpserver("ours", [QUIET], ["echo", "ran"], tmp_path) as server:
        assert server.talk() == b"ran\n"
        argv = ["-v", QUIET, "127.0.0.1", str(server.port), "true"]
    with (tmp_path / "again").open("w+b") as log, subprocess.Popen([*command("tcpserver", b"/"), *argv], stderr=log) as again:
        try:
            eventually(lambda: Path(log.name).read_bytes() == b"tcpserver: status: 0/40\n", "it does not start")
        finally:
            again.terminate()


def test_a_port_that_somebody_has(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = b"%d" % taken.getsockname()[1]
        assert call("tcpserver", [b"127.0.0.1", port, b"true"], {}).code == 111


@pytest.mark.root
@pytest.mark.skipif(not IS_ROOT, reason="only root can become somebody else")
@pytest.mark.parametrize("flags", [["-u65534", "-g65534"], ["-U"]])
def test_it_gives_up_its_rights(flags: list[str], tmp_path: Path) -> None:
    nobody = pwd.getpwuid(65534)
    env = {**ENV, "UID": str(nobody.pw_uid), "GID": str(nobody.pw_gid)}
    with Tcpserver("ours", [QUIET, *flags], ["sh", "-c", "id -u; id -g; id -G"], tmp_path, env) as server:
        assert server.talk() == b"65534\n65534\n65534\n"
        assert Path(f"/proc/{server.process.pid}").stat().st_uid == 65534


def test_ipv6(tmp_path: Path) -> None:
    with Tcpserver("ours", ["-v", QUIET], ["env", "-0"], tmp_path, host="::") as server:
        assert tcp_variables(server.talk()) == {"PROTO": "TCP6", "TCPLOCALIP": "::1", "TCPLOCALHOST": "0", "TCPREMOTEIP": "::1"}
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S, ("127.0.0.5", 0)) as sock:
            wanted = {"PROTO": "TCP", "TCPLOCALIP": "127.0.0.1", "TCPLOCALHOST": "0", "TCPREMOTEIP": "127.0.0.5"}
            assert tcp_variables(all_of(sock)) == wanted


def test_a_client_that_goes_away_at_once_is_no_trouble(tmp_path: Path) -> None:
    with Tcpserver("ours", ["-v", QUIET, "-B", "hello"], ["cat"], tmp_path) as server:
        for _ in range(20):
            server.connect().close()
        assert server.talk(b"x") == b"hellox"
        server.logged(b"tcpserver: end ", 21)


def test_quiet_it_says_nothing(tmp_path: Path) -> None:
    with Tcpserver("ours", ["-q", QUIET, "-x", tmp_path / "none"], ["sh", "-c", "echo mine >&2"], tmp_path) as server:
        assert server.talk() == b""
        rules(tmp_path, ":allow").rename(tmp_path / "none")
        assert server.talk() == b""
        assert server.log == b"mine\n"
    assert call("tcpserver", [b"-q", b"no/such", b"no-such-service", b"true"], {}) == Result(111, b"", b"")


USAGE = b"tcpserver: usage: tcpserver [ -1UXpPhHrRoOdDqQv ] [ -c limit ] "


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        ([], 100, USAGE),
        ([b"0"], 100, USAGE),
        ([b"0", b"0"], 100, USAGE),
        ([b"-z", b"0", b"0", b"true"], 100, b"tcpserver: illegal option -- z\n" + USAGE),
        ([b"-c"], 100, b"tcpserver: option requires an argument -- c\n" + USAGE),
        ([b"0", b"nosuch", b"true"], 111, b"tcpserver: fatal: unable to figure out port number for nosuch\n"),
        ([b"1.2.3", b"0", b"true"], 111, b"tcpserver: fatal: no IP address for 1.2.3\n"),
        ([b"::x", b"0", b"true"], 111, b"tcpserver: fatal: no IP address for ::x\n"),
        ([b"192.0.2.1", b"0", b"true"], 111, b"tcpserver: fatal: unable to bind: "),
    ],
)
def test_wrong_arguments(argv: list[bytes], code: int, said: bytes) -> None:
    result = call("tcpserver", argv, {})
    assert (result.code, result.out, result.err[: len(said)]) == (code, b"", said)


def test_closed_descriptors_are_no_trouble(tmp_path: Path) -> None:
    """Those the connection will have, and the one for its words."""
    script = 'exec "$@" <&- 2>&-'
    words = [*command("tcpserver", b"/"), "-1v", QUIET, "127.0.0.1", "0", "sh", "-c", "cat; echo $?"]
    with subprocess.Popen(["sh", "-c", script, "sh", *words], stdout=subprocess.PIPE, env=ENV) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as sock:
            sock.sendall(b"x")
            sock.shutdown(socket.SHUT_WR)
            assert all_of(sock) == b"x0\n"
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (None, b""),
        (b"mail.example.org", b"mail.example.org"),
        (b"a:b%c d\x7f\xff\n", b"a?b?c?d???"),
        (b"x" * 99, b"x" * 99),
        (b"x" * 100, b"x" * 100 + b"..."),
        (b"x" * 200, b"x" * 100 + b"..."),
    ],
)
def test_no_name_can_look_like_something_else_in_the_log(text: bytes | None, shown: bytes) -> None:
    assert child._part(text) == shown
