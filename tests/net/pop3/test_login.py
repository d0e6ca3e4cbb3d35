"""POP3 until somebody has logged in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.errors import Permanent, Temporary
from mta.net.pop3 import login
from mta.net.pop3.lines import TOO_LONG
from mta.net.pop3.state import CLASSIC, FAILURES_MAX, RFC, Check, Close, Effect, Login, Profile, StartTls


def begin(profile: Profile = RFC, **known: bool) -> Login:
    return Login(profile, b"<1.2@h>", **known)


def talk(session: Login, *lines: bytes | object) -> tuple[Login, list[bytes], Effect | None]:
    """-> (session, replies, effect of the last line)"""
    replies = []
    effect: Effect | None = None
    for line in lines:
        session, reply, effect = login.command(session, line)
        replies.append(reply)
    return session, replies, effect


@pytest.mark.parametrize("profile", [CLASSIC, RFC], ids=["classic", "rfc"])
def test_the_greeting_holds_the_banner(profile: Profile) -> None:
    assert login.greet(begin(profile)) == b"+OK <1.2@h>\r\n"


@pytest.mark.parametrize("profile", [CLASSIC, RFC], ids=["classic", "rfc"])
@pytest.mark.parametrize(
    ("why", "lines", "reply"),
    [
        ("nothing else before the password", [b"STAT"], b"-ERR authorization first\r\n"),
        ("an empty line is a command, too", [b""], b"-ERR authorization first\r\n"),
        ("USER without a name", [b"USER"], b"-ERR syntax error\r\n"),
        ("PASS before USER", [b"PASS x"], b"-ERR USER first\r\n"),
        ("PASS with nothing", [b"USER joe", b"PASS "], b"-ERR syntax error\r\n"),
        ("USER", [b"USER joe"], b"+OK \r\n"),
        ("NOOP", [b"NOOP"], b"+OK \r\n"),
        ("a line without end", [TOO_LONG], b"-ERR line too long\r\n"),
    ],
)
def test_it_replies_in_both_profiles(profile: Profile, why: str, lines: list[bytes | object], reply: bytes) -> None:
    assert talk(begin(profile), *lines)[1][-1] == reply


@pytest.mark.parametrize("profile", [CLASSIC, RFC], ids=["classic", "rfc"])
def test_the_password_is_the_rest_of_the_line(profile: Profile) -> None:
    assert talk(begin(profile), b"user Joe@Example.org", b"pass  s p ")[2] == Check(b"Joe@Example.org", b"s p ")


def test_apop_is_for_the_classic_profile() -> None:
    assert talk(begin(CLASSIC), b"APOP joe 0011")[2] == Check(b"joe", b"0011")
    assert talk(begin(CLASSIC), b"APOP joe")[1] == [b"-ERR syntax error\r\n"]
    assert talk(begin(RFC), b"APOP joe 0000000000000000000000000000000")[1:] == ([login.NO_APOP], None)


def test_a_nul_ends_a_classic_line_and_is_refused_otherwise() -> None:
    assert talk(begin(CLASSIC), b"USER jo\0e", b"PASS x")[2] == Check(b"jo", b"x")
    session, replies, effect = talk(begin(RFC), b"USER jo\0e", b"PASS x")
    assert (replies, effect) == ([login.SYNTAX, login.USER_FIRST], None)


@pytest.mark.parametrize(
    ("why", "known", "has", "lacks"),
    [
        ("plain, with a certificate", {"can_stls": True}, {b"STLS", b"USER"}, set()),
        ("plain, without", {}, {b"USER"}, {b"STLS"}),
        ("inside TLS", {"can_stls": True, "is_tls": True}, {b"USER"}, {b"STLS"}),
        ("no password in clear", {"can_stls": True, "requires_tls": True}, {b"STLS"}, {b"USER"}),
        ("no password in clear, inside TLS", {"can_stls": True, "requires_tls": True, "is_tls": True}, {b"USER"}, {b"STLS"}),
    ],
)
def test_capa_says_what_is_possible_now(why: str, known: dict[str, bool], has: set[bytes], lacks: set[bytes]) -> None:
    reply = talk(begin(**known), b"CAPA")[1][0]
    assert reply.startswith(b"+OK") and reply.endswith(b"\r\n.\r\n")
    words = set(reply.split(b"\r\n")[1:-2])
    assert has | {b"TOP", b"UIDL", b"RESP-CODES", b"PIPELINING"} <= words
    assert not lacks & words


def test_capa_is_unknown_to_the_classic_profile() -> None:
    assert talk(begin(CLASSIC), b"CAPA", b"STLS")[1] == [b"-ERR authorization first\r\n"] * 2


@pytest.mark.parametrize(
    ("why", "known", "line", "effect"),
    [
        ("possible", {"can_stls": True}, b"STLS", StartTls),
        ("no certificate", {}, b"STLS", type(None)),
        ("twice", {"can_stls": True, "is_tls": True}, b"STLS", type(None)),
        ("with an argument", {"can_stls": True}, b"STLS now", type(None)),
    ],
)
def test_stls(why: str, known: dict[str, bool], line: bytes, effect: type) -> None:
    assert type(talk(begin(**known), line)[2]) is effect


def test_what_was_said_before_tls_is_forgotten() -> None:
    session, _, _ = talk(begin(can_stls=True), b"USER joe", b"STLS")
    assert talk(login.tls_started(session), b"PASS x")[1] == [login.USER_FIRST]


def test_no_password_in_clear_where_tls_is_required() -> None:
    assert talk(begin(requires_tls=True), b"USER joe", b"PASS x")[1:] == ([login.STLS_FIRST, login.USER_FIRST], None)


def test_the_third_wrong_password_ends_the_connection() -> None:
    session = begin()
    for n in range(FAILURES_MAX):
        session, _, effect = talk(session, b"USER joe", b"PASS x")
        assert isinstance(effect, Check)
        session, reply, effect = login.checked(session, Permanent("no such user, to be kept from strangers"))
        assert reply == b"-ERR [AUTH] authorization failed\r\n"
        assert isinstance(effect, Close) == (n + 1 == FAILURES_MAX)
        assert session.name is None


def test_trouble_of_ours_is_not_called_a_wrong_password() -> None:
    assert login.checked(begin(), Temporary("disk on fire"))[1] == login.NOT_NOW


def test_wrong_commands_are_answered_only_so_often() -> None:
    session, replies, effect = talk(begin(), *[b"XYZZY"] * (RFC.errors_max + 1))
    assert (replies[-2], replies[-1]) == (login.AUTHORIZATION_FIRST, login.TOO_MANY_ERRORS)
    assert isinstance(effect, Close)


@given(st.lists(st.binary(max_size=30).filter(lambda b: b"\n" not in b), max_size=10), st.sampled_from([CLASSIC, RFC]))
def test_every_line_has_a_reply_of_one_line_or_an_effect(said: list[bytes], profile: Profile) -> None:
    session = begin(profile)
    for line in said:
        session, reply, effect = login.command(session, line)
        assert (reply.startswith((b"+OK", b"-ERR")) and reply.endswith(b"\r\n")) or isinstance(effect, Check)
