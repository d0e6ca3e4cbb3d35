"""rblsmtpd beside the original: same replies, same words, same exit. Lists need root: the original asks a name server on port 53 only."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import original
from tests.support.call import Result
from tests.support.dns_server import SERVFAIL, DnsServer
from tests.support.unprivileged import IS_ROOT

ROUNDS = original.rounds(150)
NAME_SERVER = "127.53.0.1"
ENV = {b"PATH": b"/usr/bin:/bin", b"TCPREMOTEIP": b"1.2.3.4"}
ZONE = {
    "4.3.2.1.text.test": {"TXT": ['"listed, " "see\\009http://text.test/\\200"']},
    "4.3.2.1.long.test": {"TXT": [f'"{"x" * 250}"']},
    "4.3.2.1.addresses.test": {"A": ["127.0.0.2"]},
    "4.3.2.1.both.test": {"A": ["127.0.0.2"], "TXT": ['"-both"']},
    "4.3.2.1.empty.test": {"TXT": ['""']},
    "text.test": {"TXT": ['"base"']},
}


def without_pid(result: Result) -> Result:
    return Result(result.code, result.out, re.sub(rb" pid \d+", b"", result.err))


def both(argv: list[bytes], env: dict[bytes, bytes], said: bytes) -> tuple[Result, Result]:
    return without_pid(original.ours("rblsmtpd", argv, env, said)), without_pid(original.run("rblsmtpd", argv, env, said))


bits = st.sampled_from([b"no", b"-", b" ", b"\t", b"\x80", b"~", b"\x7f", b"x" * 99, b"%IP%"])
variables = st.lists(bits, max_size=4).map(b"".join)
words = st.sampled_from(
    [
        b"HELO",
        b"EHLO",
        b"MAIL",
        b"RSET",
        b"NOOP",
        b"rcpt",
        b"data",
        b"QUIT",
        b"Quit ",
        b"quit\t",
        b"VRFY x",
        b"",
        b" ",
        b"\0",
        b"\xff",
        b"x" * 600,
    ]
)
said = st.lists(
    st.tuples(words, st.sampled_from([b"", b" a@b", b" " * 3, b"\0x"]), st.sampled_from([b"\r\n", b"\n", b"\r\r\n", b""])), max_size=6
)
sessions = said.map(lambda lines: b"".join(part for line in lines for part in line))


@settings(max_examples=ROUNDS)
@given(variables, sessions, st.sampled_from([[], [b"-b"], [b"-t", b"0"], [b"-t5x"], [b"-C", b"-c"]]))
def test_the_same_variable_and_session_give_the_same_replies(variable: bytes, session: bytes, flags: list[bytes]) -> None:
    ours, theirs = both([*flags, b"echo", b"ran"], {**ENV, b"RBLSMTPD": variable}, session)
    assert ours == theirs


@pytest.mark.parametrize(
    "argv", [[], [b"-z"], [b"-b"], [b"-r"], [b"-a"], [b"-t"], [b"--"], [b"-"], [b"/none"], [b""], [b"-R", b"true"], [b"-bC", b"true"]]
)
def test_the_same_words_about_wrong_arguments(argv: list[bytes]) -> None:
    ours, theirs = both(argv, ENV, b"")
    assert ours == theirs


@pytest.fixture(scope="module")
def name_server() -> Iterator[dict[bytes, bytes]]:
    if not IS_ROOT:
        pytest.skip("only root can be a name server on port 53")
    with DnsServer(dict(ZONE), NAME_SERVER, 53):
        yield {**ENV, b"DNSCACHEIP": NAME_SERVER.encode()}


bases = st.sampled_from(
    [b"text.test", b"long.test", b"addresses.test", b"both.test", b"empty.test", b"none.test", b"Text.TEST.", b"", b"..both..test"]
)
lists = st.lists(
    st.one_of(st.tuples(st.sampled_from([b"-r", b"-a"]), bases), st.sampled_from([(b"-b",), (b"-B",), (b"-c",), (b"-C",)])), max_size=5
)


@pytest.mark.root
@settings(max_examples=ROUNDS)
@given(asked=lists)
def test_the_same_lists_keep_the_same_clients_out(name_server: dict[bytes, bytes], asked: list[tuple[bytes, ...]]) -> None:
    argv = [word for words in asked for word in words]
    ours, theirs = both([*argv, b"echo", b"ran"], name_server, b"RCPT\r\n")
    assert ours == theirs


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.parametrize("argv", [[b"-r", b"dead.test"], [b"-bc", b"-r", b"dead.test"], [b"-a", b"dead.test", b"-r", b"text.test"]])
def test_the_same_becomes_of_lists_in_trouble(argv: list[bytes]) -> None:
    """The original asks again for a minute or so; what it does then is the same."""
    if not IS_ROOT:
        pytest.skip("only root can be a name server on port 53")
    with DnsServer({**ZONE, "4.3.2.1.dead.test": SERVFAIL}, "127.53.0.2", 53) as server:
        env = {**ENV, b"DNSCACHEIP": server.address[0].encode()}
        ours, theirs = both([*argv, b"echo", b"ran"], env, b"RCPT\r\n")
        assert ours == theirs
