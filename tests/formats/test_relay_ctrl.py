from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import relay_ctrl

NOW = 1_000_000_000
SECRET = b"secret"

values = st.binary(max_size=20).filter(lambda text: b"\0" not in text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b"10.1.2.3", b"10.1.2.3"),
        (b"::ffff:10.1.2.3", b"10.1.2.3"),
        (b"2001:DB8::1", b"2001:db8::1"),
        (b"10.1.2.3x", None),
        (b"", None),
        (b".", None),
        (b"..", None),
        (b"../x", None),
        (b"10.1.2.3/x", None),
        (b"1" * 16, None),
        (b":" * 46, None),
        (b"::1/64", None),
        (b"10.1.2.3\n", None),
    ],
)
def test_an_address_is_a_file_name_and_nothing_else_is(text: bytes, name: bytes | None) -> None:
    assert relay_ctrl.address(text) == name


@given(st.dictionaries(st.sampled_from([b"USER", b"DOMAIN"]), values))
def test_it_reads_back_what_it_wrote(env: dict[bytes, bytes]) -> None:
    assert dict(relay_ctrl.read(relay_ctrl.write({**env, b"PATH": b"/bin"}))) == env


@pytest.mark.parametrize(
    ("why", "data", "found"),
    [
        ("nothing", b"", []),
        ("without its end", b"USER=joe", []),
        ("no variable", b"USER\0A=1\0", [(b"A", b"1")]),
        ("no name", b"=x\0A=1\0", [(b"A", b"1")]),
        ("what is too much", b"A=1\0" + b"B=" + b"x" * 9000 + b"\0", [(b"A", b"1")]),
    ],
)
def test_what_is_no_variable_is_passed_over(why: str, data: bytes, found: list[tuple[bytes, bytes]]) -> None:
    assert relay_ctrl.read(data) == found


@pytest.mark.parametrize(
    ("text", "number"),
    [(b"300", 300), (b"", 900), (b"0", 900), (b"-5", 900), (b"x", 900), (b"60s", 60), (b" 60 ", 60), (b"9" * 40, 10**18 - 1)],
)
def test_numbers_above_0_count(text: bytes, number: int) -> None:
    assert relay_ctrl.positive(text, 900) == number


@pytest.mark.parametrize(
    ("why", "env", "is_so"),
    [
        ("a checkpassword ran us", {}, True),
        ("Courier, and it was right", {b"AUTHUSER": b"x", b"AUTHARGV0": b"y", b"AUTHENTICATED": b"joe"}, True),
        ("Courier, and it was wrong", {b"AUTHUSER": b"x", b"AUTHARGV0": b"y", b"AUTHENTICATED": b""}, False),
        ("Courier, and nothing was said", {b"AUTHUSER": b"x", b"AUTHARGV0": b"y"}, False),
        ("not Courier", {b"AUTHUSER": b"x"}, True),
    ],
)
def test_who_has_logged_in(why: str, env: dict[bytes, bytes], is_so: bool) -> None:
    assert relay_ctrl.is_authenticated(env) is is_so


@pytest.mark.parametrize(
    ("why", "data", "ip"),
    [
        ("the address alone", b"10.1.2.3", b"10.1.2.3"),
        ("C61", b"10.1.2.3x", None),
        ("with a NUL", b"10.1.2.3\0", None),
        ("nothing", b"", None),
    ],
)
def test_c61_a_datagram_is_an_address(why: str, data: bytes, ip: bytes | None) -> None:
    assert relay_ctrl.read_datagram(data, b"", NOW) == ip


def test_with_a_secret_it_is_signed() -> None:
    data = relay_ctrl.datagram(b"10.1.2.3", SECRET, NOW)
    assert relay_ctrl.read_datagram(data, SECRET, NOW + relay_ctrl.FRESH_S) == b"10.1.2.3"


SIGNED = relay_ctrl.datagram(b"10.1.2.3", SECRET, NOW)


@pytest.mark.parametrize(
    ("why", "data", "secret", "now_s"),
    [
        ("by nobody", b"10.1.2.3", SECRET, NOW),
        ("by somebody else", relay_ctrl.datagram(b"10.1.2.3", b"other", NOW), SECRET, NOW),
        ("of another address", SIGNED.replace(b"10.1.2.3", b"10.1.2.4"), SECRET, NOW),
        ("of another time", SIGNED.replace(b"%d" % NOW, b"%d" % (NOW + 1)), SECRET, NOW),
        ("too old", SIGNED, SECRET, NOW + relay_ctrl.FRESH_S + 1),
        ("too new", SIGNED, SECRET, NOW - relay_ctrl.FRESH_S - 1),
        ("and no secret here", SIGNED, b"", NOW),
        ("of no address", relay_ctrl.datagram(b"x", SECRET, NOW), SECRET, NOW),
        ("without a time", b"10.1.2.3 x " + SIGNED.split()[2], SECRET, NOW),
    ],
)
def test_what_is_signed_wrongly_is_not_believed(why: str, data: bytes, secret: bytes, now_s: int) -> None:
    assert relay_ctrl.read_datagram(data, secret, now_s) is None


@given(st.binary(max_size=100))
def test_noise_is_not_believed(data: bytes) -> None:
    assert relay_ctrl.read_datagram(data, SECRET, NOW) is None
