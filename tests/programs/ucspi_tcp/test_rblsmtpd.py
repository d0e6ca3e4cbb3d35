"""rblsmtpd: who is let in, who is kept out and what it is told. Cases C8, C9, C10."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator

import pytest

from mta.decisions import blocklist
from mta.programs.ucspi_tcp import rblsmtpd
from tests.support.call import Result, call, command, process
from tests.support.dns_server import SERVFAIL, DnsServer

RAN = [b"echo", b"ran"]
ZONE = {
    "4.3.2.1.text.test": {"TXT": ['"listed, " "see http://text.test/"']},
    "4.3.2.1.addresses.test": {"A": ["127.0.0.2"]},
    "4.3.2.1.both.test": {"A": ["127.0.0.2"], "TXT": ['"both"']},
    "4.3.2.1.dead.test": SERVFAIL,
    f"1.{'0.' * 23}8.b.d.0.1.0.0.2.text.test": {"TXT": ['"six"']},
    "4.3.2.1.wild.test": {"TXT": ['"-a\\009b"']},
}
USAGE = b"rblsmtpd: usage: rblsmtpd [ -b ] [ -R ] [ -t timeout ] [ -r base ] [ -a base ] smtpd [ arg ... ]\n"


@pytest.fixture(scope="module")
def dns() -> Iterator[DnsServer]:
    with DnsServer(dict(ZONE)) as server:
        yield server


@pytest.fixture
def env(dns: DnsServer) -> dict[bytes, bytes]:
    dns.queries.clear()
    return {b"QMAIL_HOME": b"/", b"PATH": b"/usr/bin:/bin", b"TCPREMOTEIP": b"1.2.3.4", b"DNSCACHEIP": dns.dnscacheip}


def told(argv: list[bytes], env: dict[bytes, bytes], said: bytes = b"RCPT TO:<a@b>\r\n") -> tuple[bytes, bytes]:
    """The last reply, without its end, and the line for the log; b"ran" when the program ran."""
    result = process("rblsmtpd", [*argv, *RAN], env, said)
    assert result.code == 0
    return result.out.splitlines()[-1], result.err


@pytest.mark.parametrize(
    ("why", "variable", "reply"),
    [
        ("for good", b"-no", b"553 no"),
        ("for now", b"no", b"451 no"),
        ("exempt", b"", b"ran"),
        ("only one dash counts", b"--no", b"553 -no"),
        ("a dash without a text", b"-", b"553 "),
        ("C9", b"a\tb\x80", b"451 a?b?"),
        ("C9", b"x" * 300, b"451 " + b"x" * 200),
    ],
)
def test_c8_the_variable_decides_before_any_list(why: str, variable: bytes, reply: bytes, env: dict[bytes, bytes], dns: DnsServer) -> None:
    assert told([b"-r", b"text.test"], {**env, b"RBLSMTPD": variable})[0] == reply, why
    assert dns.queries == []


def test_c8_what_a_client_hears_that_is_kept_out(env: dict[bytes, bytes]) -> None:
    said = b"EHLO a\r\nmail from:<>\r\nRCPT TO:<a@b>\r\nData\r\nRSET\r\nNOOP\nVRFY a\r\n\r\nQUIT\r\nHELO\r\n"
    result = process("rblsmtpd", RAN, {**env, b"RBLSMTPD": b"-no"}, said)
    ok, no = b"250 rblsmtpd.local\r\n", b"553 no\r\n"
    assert result.out == b"220 rblsmtpd.local\r\n" + ok + ok + no + no + ok + ok + no + no + b"221 rblsmtpd.local\r\n"
    assert result.code == 0
    assert result.err.startswith(b"rblsmtpd: 1.2.3.4 pid ")
    assert result.err.endswith(b": 553 no\n")


ROWS = [
    ("no list", [], b"ran"),
    ("listed", [b"-r", b"text.test"], b"451 listed, see http://text.test/"),
    ("listed, for good", [b"-b", b"-r", b"text.test"], b"553 listed, see http://text.test/"),
    ("the flag stands before the list", [b"-r", b"text.test", b"-b"], b"451 listed, see http://text.test/"),
    ("back again", [b"-bB", b"-r", b"text.test"], b"451 listed, see http://text.test/"),
    ("not listed", [b"-r", b"other.test"], b"ran"),
    ("C10: an address is no text", [b"-r", b"addresses.test"], b"ran"),
    ("C10: an anti-list lets it in", [b"-a", b"addresses.test", b"-r", b"text.test"], b"ran"),
    ("the first that knows it decides", [b"-r", b"text.test", b"-a", b"addresses.test"], b"451 listed, see http://text.test/"),
    ("an anti-list that does not know it", [b"-a", b"other.test", b"-r", b"text.test"], b"451 listed, see http://text.test/"),
    ("a text is no address", [b"-a", b"text.test", b"-r", b"both.test"], b"451 both"),
    ("a list in trouble", [b"-r", b"dead.test"], b"ran"),
    ("a list in trouble, closed", [b"-b", b"-c", b"-r", b"dead.test"], b"451 temporary RBL lookup error"),
    ("after trouble nobody is kept out for good", [b"-b", b"-r", b"dead.test", b"-r", b"both.test"], b"451 both"),
    ("an anti-list in trouble lets it in", [b"-a", b"dead.test", b"-r", b"both.test"], b"ran"),
    ("closed, it is passed over", [b"-bc", b"-a", b"dead.test", b"-r", b"both.test"], b"451 both"),
    ("no dash counts in a list's text", [b"-r", b"wild.test"], b"451 -a?b"),
]


@pytest.mark.parametrize(("why", "argv", "reply"), ROWS, ids=[row[0] for row in ROWS])
def test_c10_lists_are_asked_in_order(why: str, argv: list[bytes], reply: bytes, env: dict[bytes, bytes]) -> None:
    assert told(argv, env)[0] == reply


def test_after_a_decision_no_more_lists_are_asked(env: dict[bytes, bytes], dns: DnsServer) -> None:
    told([b"-r", b"text.test", b"-r", b"both.test", b"-a", b"addresses.test"], env)
    assert dns.queries == [("4.3.2.1.text.test", "TXT")]


def test_an_ipv6_address_is_asked_for_by_its_digits(env: dict[bytes, bytes]) -> None:
    assert told([b"-r", b"text.test"], {**env, b"TCPREMOTEIP": b"2001:db8::1"})[0] == b"451 six"


@pytest.mark.parametrize("ip", [None, b""])
def test_without_an_address_no_list_is_asked(ip: bytes | None, env: dict[bytes, bytes], dns: DnsServer) -> None:
    env = {name: value for name, value in {**env, b"TCPREMOTEIP": ip}.items() if value is not None}
    assert told([b"-r", b"text.test"], env)[0] == b"ran"
    assert dns.queries == []


def test_without_time_it_is_told_at_once(env: dict[bytes, bytes]) -> None:
    assert process("rblsmtpd", [b"-t0", *RAN], {**env, b"RBLSMTPD": b"no"}, b"QUIT\r\n").out == b"451 no\r\n"


def all_of(sock: socket.socket) -> bytes:
    """What comes until the other side closes, which it may do without having read everything."""
    found = b""
    try:
        while piece := sock.recv(1000):
            found += piece
    except ConnectionResetError:
        pass
    return found


def kept_out(*argv: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    near, far = socket.socketpair()
    words = [*command("rblsmtpd", b"/"), *argv, "echo", "ran"]
    env = {"TCPREMOTEIP": "1.2.3.4", "RBLSMTPD": "no", "PATH": "/usr/bin:/bin"}
    with far:
        return subprocess.Popen(words, stdin=far, stdout=far, stderr=subprocess.DEVNULL, env=env), near


def test_its_time_is_limited_and_then_it_closes_without_a_word() -> None:
    process, near = kept_out("-t", "1")
    with process, near:
        assert all_of(near) == b"220 rblsmtpd.local\r\n"
        assert process.wait() == 0


def test_one_that_goes_away_is_no_trouble() -> None:
    process, near = kept_out()
    with process:
        assert near.recv(100) == b"220 rblsmtpd.local\r\n"
        near.sendall(b"NOOP\r\n" * 1000)
        near.close()
        assert process.wait() == 0


@pytest.mark.parametrize(
    ("why", "delay", "says", "heard"),
    [
        ("it waits for the greeting", b"1", b"", b"ran\n"),
        ("it does not", b"30", b"EHLO spam\r\nQUIT\r\n", b"220 rblsmtpd.local\r\n250 rblsmtpd.local\r\n221 rblsmtpd.local\r\n"),
        ("no delay was asked for", b"0", b"EHLO spam\r\n", b"ran\n"),
    ],
)
def test_a_client_has_to_wait_for_the_greeting(why: str, delay: bytes, says: bytes, heard: bytes) -> None:
    near, far = socket.socketpair()
    near.sendall(says)
    env = {"TCPREMOTEIP": "1.2.3.4", "GREETDELAY": delay.decode(), "PATH": "/usr/bin:/bin"}
    with (
        near,
        subprocess.Popen(
            [*command("rblsmtpd", b"/"), "-W", "echo", "ran"], stdin=far, stdout=far, stderr=subprocess.PIPE, env=env
        ) as process,
    ):
        far.close()
        assert process.stderr
        assert all_of(near) == heard, why
        assert (b": 554 SMTP protocol violation\n" in process.stderr.read()) == (heard != b"ran\n")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], USAGE),
        ([b"-b"], USAGE),
        ([b"-z", b"true"], b"rblsmtpd: illegal option -- z\n" + USAGE),
        ([b"-r"], b"rblsmtpd: option requires an argument -- r\n" + USAGE),
    ],
)
def test_wrong_arguments(argv: list[bytes], said: bytes) -> None:
    assert call("rblsmtpd", argv, {}) == Result(100, b"", said)


def test_it_says_what_it_cannot_run(env: dict[bytes, bytes]) -> None:
    assert process("rblsmtpd", [b"/none"], env) == Result(111, b"", b"rblsmtpd: fatal: unable to run /none: file does not exist\n")


def test_a_client_without_descriptors_is_gone(env: dict[bytes, bytes]) -> None:
    line = 'RBLSMTPD=no TCPREMOTEIP=1.2.3.4 "$@" <&- >&-'
    done = subprocess.run(["sh", "-c", line, "sh", *command("rblsmtpd", b"/"), "true"], capture_output=True, check=False)
    assert done.returncode == 0


def test_a_line_without_an_end_takes_no_memory(env: dict[bytes, bytes]) -> None:
    said = b"x" * 100_000 + b"\r\nQUIT\r\n"
    result = process("rblsmtpd", RAN, {**env, b"RBLSMTPD": b"no"}, said)
    assert result.out == b"220 rblsmtpd.local\r\n451 no\r\n221 rblsmtpd.local\r\n"


def test_the_reply_to_a_word_does_not_depend_on_what_follows_it() -> None:
    for line in (b"QUIT", b"quit\r", b"QUIT now"):
        assert blocklist.answer(line, b"451 no") == (b"221 rblsmtpd.local\r\n", True)
    for line in (b"QUITE", b"QUIT\tx", b"QUIT\r\r", b"QUIT\0", b""):
        assert blocklist.answer(line, b"451 no") == (b"451 no\r\n", False)
    assert rblsmtpd.TIMEOUT_S == 60
